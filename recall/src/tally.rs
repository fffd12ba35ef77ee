//! How often each market was missed, and in which events.

use crate::known::{Map, Platform};
use crate::observation::Seen;

/// Platform, id, how often, first and last observation, number of the miss in the last, hashes of events.
pub type Counted = (&'static str, String, usize, usize, usize, usize, Vec<u32>);

struct Count {
    occurrences: usize,
    first: usize,
    last: usize,
    miss: usize,
    hashes: Vec<u32>,
}

/// `seen` are observations, the oldest first, each with the hash of its event; a market is missed once in each.
pub fn tally(seen: &[(&Seen, u32)], most_hashes: usize) -> Vec<Counted> {
    let mut counts: Map<(Platform, &str), Count> = Map::default();
    for (at, (seen, hash)) in seen.iter().enumerate() {
        for (miss, found) in seen.written.found.iter().enumerate() {
            let count = counts.entry((seen.platform, &found.external_id)).or_insert_with(|| Count {
                occurrences: 0,
                first: at,
                last: at,
                miss,
                hashes: Vec::new(),
            });
            count.occurrences += 1;
            (count.last, count.miss) = (at, miss);
            count.hashes.push(*hash);
        }
    }
    let counted = |((platform, id), mut count): ((Platform, &str), Count)| {
        count.hashes.sort_unstable();
        count.hashes.dedup();
        count.hashes.truncate(most_hashes);
        (platform.name(), id.to_owned(), count.occurrences, count.first, count.last, count.miss, count.hashes)
    };
    counts.into_iter().map(counted).collect()
}
