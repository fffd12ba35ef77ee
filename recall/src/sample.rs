//! A few outcomes of a market that is missed, as `worker/domain/misses.py` chooses them.

use crate::known::Platform;
use crate::least::{Least, Sampled};
use crate::observation::Seen;
use crate::reader::Reader;
use crate::row::write_text;
use crate::rules::Limits;
use crate::unusual::{Unusual, Usual};
use crate::{bet9ja, sportybet};

/// The least outcomes of a miss as JSON; `value` is what it was seen in.
pub fn sample(seen: &Seen, miss: usize, value: &[u8], limits: &Limits) -> Usual<String> {
    let mut least = Least::of(limits.most_samples);
    for place in &seen.written.found.get(miss).ok_or(Unusual)?.rows {
        let mut row = Reader::new(value.get(place.clone()).ok_or(Unusual)?)?;
        match seen.platform {
            Platform::Sportybet => sportybet::sampled(&mut row, &mut least)?,
            Platform::Bet9ja => bet9ja::sampled(&mut row, limits.longest_key, &mut least)?,
            Platform::Betpawa => return Err(Unusual), // it lists hardly anything that is missed
        }
    }
    Ok(json(&least.into_sampled(), limits.longest_sample_text))
}

fn json(sampled: &[Sampled], longest: usize) -> String {
    let mut text = String::from("[");
    for one in sampled {
        text.push_str("{\"label\":");
        write_text(head(&one.label, longest), &mut text);
        text.push_str(",\"odds\":");
        text.push_str(one.odds.unwrap_or("null"));
        text.push_str(",\"qualifier\":");
        match head(&one.qualifier, longest) {
            "" => text.push_str("null"),
            qualifier => write_text(qualifier, &mut text),
        }
        text.push_str("},");
    }
    if text.ends_with(',') {
        text.pop();
    }
    text.push(']');
    text
}

fn head(text: &str, longest: usize) -> &str {
    text.char_indices().nth(longest).map_or(text, |(end, _)| &text[..end])
}
