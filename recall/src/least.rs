//! The least outcomes of a missed market, in the order in which a sample holds them.

use std::borrow::Cow;
use std::cmp::Ordering;

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
pub struct Least<'v> {
    most: usize,
    sampled: Vec<Sampled<'v>>,
}

impl<'v> Least<'v> {
    pub fn of(most: usize) -> Self {
        Self { most, sampled: Vec::new() }
    }

    pub fn has_room(&self) -> bool {
        self.sampled.len() < self.most
    }

    /// Whether one of this qualifier can be among them.
    pub fn may_hold(&self, qualifier: &str) -> bool {
        self.has_room() || self.sampled.last().is_some_and(|last| qualifier <= &*last.qualifier)
    }

    pub fn take(&mut self, one: Sampled<'v>) {
        let Err(at) = self.sampled.binary_search_by(|known| known.order(&one)) else { return };
        if at < self.most {
            self.sampled.insert(at, one);
            self.sampled.truncate(self.most);
        }
    }

    pub fn into_sampled(self) -> Vec<Sampled<'v>> {
        self.sampled
    }
}
