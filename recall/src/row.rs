//! Rows of one observation against what is known: what each says of canonical markets, or that it is missed.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::known::{Claim, Id, Known, Map, Market, Meaning, Platform, Slot};
use crate::names::{Names, SEPARATOR};
use crate::odds::Price;
use crate::rules::Rules;
use crate::unusual::{Unusual, Usual};

pub const UNKNOWN_MARKET: &str = "UNKNOWN_MARKET";

/// A label with the line beside it, and a price.
pub struct Selection<'v> {
    pub label: Cow<'v, str>,
    pub beside: Option<Cow<'v, str>>,
    /// The bookmaker's own id of the outcome.
    pub id: Option<&'v str>,
    pub price: Price<'v>,
}

/// A market that no mapping knows, and where its rows are.
pub struct Miss {
    pub external_id: String,
    pub name: Option<String>,
    pub reason: Arc<str>,
    pub rows: Vec<Range<usize>>,
}

/// What is known of a row before its selections are read.
pub enum Sorted<'k> {
    Unknown,
    NotMapped(&'k str, &'k Arc<str>),
    Market(&'k Market),
    /// It was never met.
    Strange,
}

pub fn sort<'k>(known: &'k Known, platform: Platform, id: &str, qualifier: &str) -> Sorted<'k> {
    match known.id(platform, id) {
        None => Sorted::Strange,
        Some(Id::Unknown) => Sorted::Unknown,
        Some(Id::Claimed(qualifiers)) => match qualifiers.get(qualifier) {
            None => Sorted::Strange,
            Some(Meaning::Market(market)) => Sorted::Market(market),
            Some(Meaning::NotMapped { external_id, reason }) => Sorted::NotMapped(external_id, reason),
        },
    }
}

/// A canonical market, and where its prices begin among all.
struct Resolved<'k> {
    claim: &'k Claim,
    from: usize,
    to: usize,
}

type Priced<'v, 'k> = (&'k Slot, Price<'v>);

/// What has been found so far.
pub struct Found<'v, 'k> {
    pub rules: &'k Rules,
    names: Option<Names>,
    unknown: Arc<str>,
    prices: Vec<Priced<'v, 'k>>,
    markets: Vec<Resolved<'k>>,
    misses: Vec<Miss>,
    by_id: Map<String, usize>,
    /// What is left to whoever knows more.
    pub aside: Vec<Range<usize>>,
    scratch: String,
}

impl<'v, 'k> Found<'v, 'k> {
    pub fn new(rules: &'k Rules, names: Option<Names>) -> Self {
        Self {
            rules,
            names,
            unknown: UNKNOWN_MARKET.into(),
            prices: Vec::new(),
            markets: Vec::new(),
            misses: Vec::new(),
            by_id: Map::default(),
            aside: Vec::new(),
            scratch: String::new(),
        }
    }

    /// How much has been taken so far, to go back to.
    pub fn mark(&self) -> (usize, usize) {
        (self.markets.len(), self.prices.len())
    }

    pub fn reset(&mut self, (markets, prices): (usize, usize)) {
        self.markets.truncate(markets);
        self.prices.truncate(prices);
    }

    pub fn unknown(
        &mut self,
        id: &str,
        name: Option<&str>,
        rows: impl IntoIterator<Item = Range<usize>>,
    ) -> Usual<()> {
        let reason = Arc::clone(&self.unknown);
        self.miss(id, &reason, name, rows)
    }

    /// One more sighting of a market that is missed; of several names it has the least.
    pub fn miss(
        &mut self,
        id: &str,
        reason: &Arc<str>,
        name: Option<&str>,
        rows: impl IntoIterator<Item = Range<usize>>,
    ) -> Usual<()> {
        let limits = &self.rules.limits; // of characters, so that fewer bytes are as many at most
        if id.len() > limits.longest_id || name.is_some_and(|name| name.len() > limits.longest_name) {
            return Err(Unusual);
        }
        if let Some(&at) = self.by_id.get(id) {
            let miss = &mut self.misses[at];
            if miss.reason != *reason {
                return Err(Unusual);
            }
            if name.is_some_and(|name| miss.name.as_deref().is_none_or(|known| name < known)) {
                miss.name = name.map(Into::into);
            }
            miss.rows.extend(rows);
            return Ok(());
        }
        if self.misses.len() == limits.most_misses {
            return Err(Unusual);
        }
        self.by_id.insert(id.into(), self.misses.len());
        self.misses.push(Miss {
            external_id: id.into(),
            name: name.map(Into::into),
            reason: Arc::clone(reason),
            rows: rows.into_iter().collect(),
        });
        Ok(())
    }

    /// Takes a row's prices for those of canonical markets; false when it is not known what its labels say.
    pub fn take(&mut self, market: &'k Market, selections: &[Selection<'v>]) -> bool {
        let from = self.prices.len();
        let is_known = self.as_they_stand(market, selections) || {
            self.prices.truncate(from);
            self.by_roles(market, selections)
        };
        let prices = &mut self.prices[from..];
        prices.sort_by_key(|(slot, _)| (slot.claim, slot.rank));
        let twice = prices
            .windows(2)
            .any(|pair| (pair[0].0.claim, pair[0].0.rank) == (pair[1].0.claim, pair[1].0.rank));
        if !is_known || twice || selections.is_empty() {
            self.prices.truncate(from);
            return false;
        }
        let mut from = from;
        for of_claim in prices.chunk_by(|one, other| one.0.claim == other.0.claim) {
            let to = from + of_claim.len();
            self.markets.push(Resolved { claim: &market.taught.claims[of_claim[0].0.claim], from, to });
            from = to;
        }
        true
    }

    fn as_they_stand(&mut self, market: &'k Market, selections: &[Selection<'v>]) -> bool {
        selections.iter().all(|selection| {
            let beside = selection.beside.as_deref();
            let slot = market.slot(&selection.label, beside, selection.id, &mut self.scratch);
            self.prices.extend(slot.map(|slot| (slot, selection.price)));
            slot.is_some()
        })
    }

    /// What the labels say with the event's names taken for home and away.
    fn by_roles(&mut self, market: &'k Market, selections: &[Selection<'v>]) -> bool {
        let Some(names) = &self.names else { return false };
        let longest = self.rules.limits.longest_label;
        let may_name = |selection: &Selection| selection.beside.is_none() && selection.label.len() <= longest;
        if !selections.iter().all(may_name)
            || !market.taught.words.iter().all(|words| names.are_foreign(words))
        {
            return false;
        }
        self.scratch.clear();
        for selection in selections {
            self.scratch.push_str(&selection.label);
            self.scratch.push(SEPARATOR);
        }
        self.scratch.pop();
        let Some(roles) = names.roles(&self.scratch, &self.rules.characters) else { return false };
        roles.split(SEPARATOR).zip(selections).all(|(label, selection)| {
            let slot = market.slot(label, None, selection.id, &mut self.scratch);
            self.prices.extend(slot.map(|slot| (slot, selection.price)));
            slot.is_some()
        })
    }

    /// Markets and misses in order. Unusual when two rows speak of one canonical market at one line, unless they
    /// are parts of it that have no outcome in common.
    pub fn written(mut self) -> Usual<Written> {
        self.markets.sort_unstable_by(|one, other| one.claim.place.cmp(&other.claim.place));
        let mut written = Written {
            markets: Entries::of(self.markets.len(), self.prices.len() * 64 + self.markets.len() * 96),
            misses: Entries::of(self.misses.len(), self.misses.len() * 128),
            found: Vec::new(),
            aside: self.aside,
        };
        for parts in self.markets.chunk_by(|one, other| one.claim.place == other.claim.place) {
            let [market] = parts else {
                let (claim, prices) = together(parts, &self.prices)?;
                written.market(claim, &prices);
                continue;
            };
            written.market(market.claim, &self.prices[market.from..market.to]);
        }
        self.misses.sort_unstable_by(|one, other| one.external_id.cmp(&other.external_id));
        for miss in &self.misses {
            write_miss(miss, &mut written.misses.text);
            written.misses.end(miss.external_id.clone());
        }
        written.found = self.misses;
        Ok(written)
    }
}

/// The prices of a market that several rows have parts of, and the claim of the least id, which is published.
fn together<'v, 'k>(
    parts: &[Resolved<'k>],
    prices: &[Priced<'v, 'k>],
) -> Usual<(&'k Claim, Vec<Priced<'v, 'k>>)> {
    let part_of = |resolved: &Resolved<'k>| resolved.claim.part.as_ref().ok_or(Unusual);
    let mapping = part_of(&parts[0])?.mapping;
    let mut least = (part_of(&parts[0])?, parts[0].claim);
    let mut all = Vec::new();
    for resolved in parts {
        let part = part_of(resolved)?;
        if part.mapping != mapping {
            return Err(Unusual);
        }
        if part.market_id < least.0.market_id {
            least = (part, resolved.claim);
        }
        all.extend_from_slice(&prices[resolved.from..resolved.to]);
    }
    all.sort_by_key(|(slot, _)| slot.rank);
    let is_twice = all.windows(2).any(|pair| pair[0].0.rank == pair[1].0.rank);
    if is_twice { Err(Unusual) } else { Ok((least.1, all)) }
}

/// JSON of entries, a comma behind each, and where each ends.
pub struct Entries<T> {
    pub text: String,
    pub ends: Vec<(T, usize)>,
}

impl<T> Entries<T> {
    fn of(number: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(number) }
    }

    fn end(&mut self, of: T) {
        self.ends.push((of, self.text.len()));
    }

    /// Writes these entries and others, in the order of what they are of, without the last comma.
    pub fn with(&self, others: &[(String, String)], name: impl Fn(&T) -> &str, out: &mut String) {
        let mut begin = 0;
        for (other, text) in others {
            let before = self.ends.partition_point(|(of, _)| name(of) < other.as_str());
            let end = before.checked_sub(1).map_or(0, |last| self.ends[last].1);
            out.push_str(&self.text[begin..end]);
            out.push_str(text);
            begin = end;
        }
        out.push_str(&self.text[begin..]);
        if out.ends_with(',') {
            out.pop();
        }
    }
}

/// What is published of an observation, as far as it is known.
pub struct Written {
    pub markets: Entries<Arc<str>>,
    pub misses: Entries<String>,
    pub found: Vec<Miss>,
    pub aside: Vec<Range<usize>>,
}

impl Written {
    fn market(&mut self, claim: &Claim, prices: &[Priced]) {
        let mut before = &*claim.begins;
        let text = &mut self.markets.text;
        for (slot, price) in prices {
            text.push_str(before);
            text.push_str(&slot.begins);
            price.write(text);
            before = "},";
        }
        text.push_str("}]},");
        self.markets.end(Arc::clone(&claim.place));
    }
}

fn write_miss(miss: &Miss, out: &mut String) {
    out.push_str("{\"external_market_id\":");
    write_text(&miss.external_id, out);
    out.push_str(",\"market_name\":");
    match &miss.name {
        Some(name) => write_text(name, out),
        None => out.push_str("null"),
    }
    out.push_str(",\"reason\":");
    write_text(&miss.reason, out);
    out.push_str("},");
}

fn push_control(character: char, begins: &str, out: &mut String) {
    out.push_str(begins);
    out.extend(char::from_digit(u32::from(character) & 0xf, 16));
}

/// As orjson writes a text.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{f}' => push_control(character, "\\u000", out),
            '\u{10}'..='\u{1f}' => push_control(character, "\\u001", out),
            _ => out.push(character),
        }
    }
    out.push('"');
}
