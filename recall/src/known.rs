//! What rows meant when they were resolved: nothing is decided here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

/// Its hash is seeded: what a feed holds cannot be made to collide.
pub type Map<K, V> = HashMap<K, V, RandomState>;
pub type Set<K> = HashSet<K, RandomState>;

/// A platform, as the field of an observation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    Sportybet,
    Betpawa,
    Bet9ja,
}

impl Platform {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "sportybet" => Some(Self::Sportybet),
            "betpawa" => Some(Self::Betpawa),
            "bet9ja" => Some(Self::Bet9ja),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sportybet => "sportybet",
            Self::Betpawa => "betpawa",
            Self::Bet9ja => "bet9ja",
        }
    }
}

/// A mapping's claim to a market: the canonical market at its line, and its JSON before the first outcome.
pub struct Claim {
    pub place: Arc<str>,
    pub begins: Box<str>,
    /// None where rows that share the canonical market are not to be put together.
    pub part: Option<Part>,
}

/// One of the ids under which a bookmaker sells the outcomes of one mapping, so that each row has some of them.
pub struct Part {
    /// Tells mappings apart.
    pub mapping: usize,
    pub market_id: Box<str>,
}

/// What a label names: an outcome of a claim, its rank among those, and its JSON before the price.
pub struct Slot {
    /// The id next to the label, where a mapping names it.
    pub id: Option<Box<str>>,
    pub claim: usize,
    pub rank: usize,
    pub begins: Box<str>,
}

/// What is taught of a market, whichever of its labels are.
pub struct Taught {
    /// Of each claim the words that its labels are made of.
    pub words: Vec<HashSet<String>>,
    /// The ids of outcomes that any claim names; all others say nothing.
    pub ids: Set<Box<str>>,
    pub claims: Vec<Claim>,
}

/// What a label names with each of the ids that were met next to it; nearly always there is one.
struct Slots {
    first: Slot,
    others: Vec<Slot>,
}

impl Slots {
    fn find(&self, id: Option<&str>) -> Option<&Slot> {
        if self.first.id.as_deref() == id {
            return Some(&self.first);
        }
        self.others.iter().find(|slot| slot.id.as_deref() == id)
    }

    fn learn(&mut self, slot: Slot) {
        if self.first.id == slot.id {
            self.first = slot;
            return;
        }
        self.others.retain(|known| known.id != slot.id);
        self.others.truncate(MOST_IDS_OF_LABEL - 2);
        self.others.push(slot);
    }
}

/// A market that mappings claim.
pub struct Market {
    pub taught: Taught,
    labels: Map<Box<str>, Slots>,
}

impl Market {
    /// `scratch` is where a label and the line next to it are joined.
    pub fn slot(
        &self,
        label: &str,
        beside: Option<&str>,
        id: Option<&str>,
        scratch: &mut String,
    ) -> Option<&Slot> {
        let slots = match beside {
            None => self.labels.get(label)?,
            Some(beside) => {
                scratch.clear();
                push_label(label, beside, scratch);
                self.labels.get(scratch.as_str())?
            }
        };
        slots.find(id).or_else(|| {
            let is_named = id.is_some_and(|id| self.taught.ids.contains(id));
            if is_named { None } else { slots.find(None) }
        })
    }
}

/// No label holds a NUL.
fn push_label(label: &str, beside: &str, into: &mut String) {
    into.push_str(label);
    into.push('\0');
    into.push_str(beside);
}

/// What a market's id and qualifier mean.
pub enum Meaning {
    Market(Market),
    NotMapped { external_id: String, reason: Arc<str> },
}

pub enum Id {
    /// No mapping claims it.
    Unknown,
    /// By qualifier; "" is none.
    Claimed(Map<Box<str>, Meaning>),
}

/// A feed may hold anything: what is beyond a bound is learnt again.
const MOST_IDS: usize = 65_536;
const MOST_QUALIFIERS: usize = 256;
const MOST_LABELS: usize = 1024;
const MOST_IDS_OF_LABEL: usize = 64;
const MOST_LINES: usize = 4096;
const MOST_SPECIFIERS: usize = 256;
const MOST_FORMS: usize = 16;

/// A line by how it is formatted.
type Forms = Map<Box<str>, Box<str>>;

#[derive(Default)]
pub struct Known {
    platforms: [Map<Box<str>, Id>; 3],
    /// BetPawa's lines by how a row writes its handicap, its specifier, then its formatted handicap.
    lines: Map<Box<str>, Map<Box<str>, Forms>>,
}

/// What rows mean before the match, and in play: an id may be mapped in one of the two only.
#[derive(Default)]
pub struct Phases {
    prematch: Known,
    live: Known,
}

impl Phases {
    pub fn of(&self, live: bool) -> &Known {
        if live { &self.live } else { &self.prematch }
    }

    pub fn of_mut(&mut self, live: bool) -> &mut Known {
        if live { &mut self.live } else { &mut self.prematch }
    }
}

impl Known {
    pub fn id(&self, platform: Platform, id: &str) -> Option<&Id> {
        self.platforms[platform as usize].get(id)
    }

    pub fn is_claimed(&self, platform: Platform, id: &str) -> bool {
        matches!(self.id(platform, id), Some(Id::Claimed(_)))
    }

    pub fn line(&self, handicap: &str, specifier: &str, formatted: &str) -> Option<&str> {
        self.lines.get(handicap)?.get(specifier)?.get(formatted).map(AsRef::as_ref)
    }

    fn ids(&mut self, platform: Platform) -> &mut Map<Box<str>, Id> {
        bounded(&mut self.platforms[platform as usize], MOST_IDS)
    }

    pub fn learn_unknown(&mut self, platform: Platform, id: &str) {
        self.ids(platform).insert(id.into(), Id::Unknown);
    }

    pub fn learn_not_mapped(
        &mut self,
        platform: Platform,
        id: &str,
        qualifier: &str,
        external_id: String,
        reason: &str,
    ) {
        let meaning = Meaning::NotMapped { external_id, reason: reason.into() };
        self.qualifiers(platform, id).insert(qualifier.into(), meaning);
    }

    /// Labels of a market, each with the line next to it. The claims are the same whenever one is learnt.
    pub fn learn_labels(
        &mut self,
        platform: Platform,
        id: &str,
        qualifier: &str,
        taught: Taught,
        labels: Vec<(String, Option<String>, Slot)>,
    ) {
        let meaning = self
            .qualifiers(platform, id)
            .entry(qualifier.into())
            .or_insert_with(|| Meaning::Market(Market { taught, labels: Map::default() }));
        let Meaning::Market(market) = meaning else { return };
        for (mut label, beside, slot) in labels {
            if let Some(beside) = beside {
                let text = std::mem::take(&mut label);
                push_label(&text, &beside, &mut label);
            }
            match bounded(&mut market.labels, MOST_LABELS).entry(label.into()) {
                Entry::Occupied(mut slots) => slots.get_mut().learn(slot),
                Entry::Vacant(place) => {
                    place.insert(Slots { first: slot, others: Vec::new() });
                }
            }
        }
    }

    pub fn learn_line(&mut self, handicap: &str, specifier: &str, formatted: &str, line: &str) {
        let specifiers = bounded(&mut self.lines, MOST_LINES).entry(handicap.into()).or_default();
        let forms = bounded(specifiers, MOST_SPECIFIERS).entry(specifier.into()).or_default();
        bounded(forms, MOST_FORMS).insert(formatted.into(), line.into());
    }

    fn qualifiers(&mut self, platform: Platform, id: &str) -> &mut Map<Box<str>, Meaning> {
        let known = self.ids(platform).entry(id.into()).or_insert(Id::Unknown);
        if matches!(known, Id::Unknown) {
            *known = Id::Claimed(Map::default());
        }
        match known {
            Id::Claimed(qualifiers) => bounded(qualifiers, MOST_QUALIFIERS),
            Id::Unknown => unreachable!("it was just claimed"),
        }
    }
}

/// A map that has room for one more, if it has to forget everything.
fn bounded<K, V>(map: &mut Map<K, V>, most: usize) -> &mut Map<K, V> {
    if map.len() >= most {
        map.clear();
    }
    map
}
