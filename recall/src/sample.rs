//! A few outcomes of a market that is missed, as `worker/domain/misses.py` chooses them.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::known::Platform;
use crate::observation::Seen;
use crate::reader::{Reader, Unusual, Usual};
use crate::row::write_text;
use crate::{bet9ja, sportybet};

const MOST: usize = 12;
const LONGEST_TEXT: usize = 80;

pub struct Sampled<'v> {
    pub qualifier: Cow<'v, str>,
    pub label: Cow<'v, str>,
    pub odds: Option<&'v str>,
}

impl Sampled<'_> {
    fn order(&self, other: &Self) -> Ordering {
        let odds = |odds: Option<&str>| odds.map_or(0.0, |odds| odds.parse().unwrap_or(f64::INFINITY));
        let texts = (&self.qualifier, &self.label).cmp(&(&other.qualifier, &other.label));
        texts.then_with(|| odds(self.odds).total_cmp(&odds(other.odds)))
    }
}

/// The least outcomes so far by qualifier, label and odds, in order; no two are the same.
#[derive(Default)]
pub struct Least<'v>(Vec<Sampled<'v>>);

impl<'v> Least<'v> {
    pub fn has_room(&self) -> bool {
        self.0.len() < MOST
    }

    /// Whether one of this qualifier can be among them.
    pub fn may_hold(&self, qualifier: &str) -> bool {
        self.has_room() || self.0.last().is_some_and(|last| qualifier <= &*last.qualifier)
    }

    pub fn take(&mut self, one: Sampled<'v>) {
        let Err(at) = self.0.binary_search_by(|known| known.order(&one)) else { return };
        if at < MOST {
            self.0.insert(at, one);
            self.0.truncate(MOST);
        }
    }
}

/// The least outcomes of a miss as JSON; `value` is what it was seen in.
pub fn sample(seen: &Seen, miss: usize, value: &[u8]) -> Usual<String> {
    let mut least = Least::default();
    for place in &seen.written.found.get(miss).ok_or(Unusual)?.rows {
        let mut row = Reader::new(value.get(place.clone()).ok_or(Unusual)?)?;
        match seen.platform {
            Platform::Sportybet => sportybet::sampled(&mut row, &mut least)?,
            Platform::Bet9ja => bet9ja::sampled(&mut row, &mut least)?,
            Platform::Betpawa => return Err(Unusual), // it lists hardly anything that is missed
        }
    }
    Ok(json(&least.0))
}

fn json(sampled: &[Sampled]) -> String {
    let mut text = String::from("[");
    for one in sampled {
        text.push_str("{\"label\":");
        write_text(head(&one.label), &mut text);
        text.push_str(",\"odds\":");
        text.push_str(one.odds.unwrap_or("null"));
        text.push_str(",\"qualifier\":");
        match head(&one.qualifier) {
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

fn head(text: &str) -> &str {
    text.char_indices().nth(LONGEST_TEXT).map_or(text, |(end, _)| &text[..end])
}
