//! Rows of one observation against what is known: what each says of canonical markets, or that it is missed.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::known::{Claim, Id, Known, Map, Market, Meaning, Platform, PlayerPrice, PlayerRow, PlayerSlot};
use crate::known::{Set, Side, Slot, Teams, Whose};
use crate::names::{Names, SEPARATOR};
use crate::odds::Price;
use crate::rules::Rules;
use crate::unusual::{Unusual, Usual};

pub const UNKNOWN_MARKET: &str = "UNKNOWN_MARKET";

/// A label with the line shown next to it, and a price.
pub struct Selection<'v> {
    pub label: Cow<'v, str>,
    pub shown_line: Option<Cow<'v, str>>,
    /// The bookmaker's own id of the outcome.
    pub id: Option<&'v str>,
    pub side: Side,
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
        Some(Id::Claimed(qualifiers) | Id::OfPlayers(qualifiers)) => match qualifiers.get(qualifier) {
            None => Sorted::Strange,
            Some(Meaning::Market(market)) => Sorted::Market(market),
            Some(Meaning::NotMapped { external_id, reason }) => Sorted::NotMapped(external_id, reason),
        },
    }
}

/// A canonical market, where its prices are among all, and what it was read from.
struct Resolved<'k> {
    claim: &'k Claim,
    from: usize,
    to: usize,
    source: usize,
}

/// The market of one player.
struct OfPlayer<'k> {
    whose: &'k Whose,
    market: Resolved<'k>,
}

type Priced<'v, 'k> = (&'k Slot, Price<'v>);
/// A market of several rows: its claim, and the prices of all.
type Joined<'v, 'k> = (&'k Claim, Vec<Priced<'v, 'k>>);

/// All that a row may speak of.
enum Means<'k> {
    Market(&'k Market),
    /// Where its prices are among those of players.
    Players(usize, usize),
}

impl<'k> Means<'k> {
    /// Whether it may speak of a canonical market, at any line or of any player, that is among these.
    fn meets(&self, places: &Set<String>, of_players: &[&'k PlayerSlot]) -> bool {
        match *self {
            Self::Market(market) => market.taught.claims.iter().any(|claim| places.contains(&*claim.place)),
            Self::Players(from, to) => of_players[from..to].iter().any(|slot| {
                let place = &*slot.about.claim.place;
                let of_all = slot.about.whose.as_ref().map_or(place, |whose| &place[..whose.market]);
                places.contains(place) || places.contains(of_all)
            }),
        }
    }

    fn places(&self, of_players: &[&'k PlayerSlot]) -> Vec<String> {
        match *self {
            Self::Market(market) => {
                market.taught.claims.iter().map(|claim| claim.place.to_string()).collect()
            }
            Self::Players(from, to) => {
                of_players[from..to].iter().map(|slot| slot.about.claim.place.to_string()).collect()
            }
        }
    }
}

/// How much was taken at some time, to go back to.
pub struct Mark {
    markets: usize,
    players: usize,
    prices: usize,
    taken: usize,
}

/// What has been found so far.
pub struct Found<'v, 'k> {
    pub rules: &'k Rules,
    names: Option<Names>,
    home: Option<Cow<'v, str>>,
    away: Option<Cow<'v, str>>,
    unknown: Arc<str>,
    prices: Vec<Priced<'v, 'k>>,
    markets: Vec<Resolved<'k>>,
    players: Vec<OfPlayer<'k>>,
    /// What can be left aside: where it is, several places of one market of Bet9ja.
    sources: Vec<Range<usize>>,
    places: Vec<Range<usize>>,
    /// The rows that were taken, with their sources.
    taken: Vec<(usize, Means<'k>)>,
    of_players: Vec<&'k PlayerSlot>,
    misses: Vec<Miss>,
    by_id: Map<String, usize>,
    /// What is left to whoever knows more.
    pub aside: Vec<Range<usize>>,
    scratch: String,
}

impl<'v, 'k> Found<'v, 'k> {
    /// `home` and `away` are the teams as the event names them, `names` what labels can be read with.
    pub fn new(
        rules: &'k Rules,
        names: Option<Names>,
        home: Option<Cow<'v, str>>,
        away: Option<Cow<'v, str>>,
    ) -> Self {
        Self {
            rules,
            names,
            home,
            away,
            unknown: UNKNOWN_MARKET.into(),
            prices: Vec::new(),
            markets: Vec::new(),
            players: Vec::new(),
            sources: Vec::with_capacity(256),
            places: Vec::with_capacity(256),
            taken: Vec::with_capacity(256),
            of_players: Vec::new(),
            misses: Vec::new(),
            by_id: Map::default(),
            aside: Vec::new(),
            scratch: String::new(),
        }
    }

    /// What is taken from now on is read from here, and is left aside together.
    pub fn read_from(&mut self, places: impl IntoIterator<Item = Range<usize>>) {
        let from = self.places.len();
        self.places.extend(places);
        self.sources.push(from..self.places.len());
    }

    pub fn mark(&self) -> Mark {
        Mark {
            markets: self.markets.len(),
            players: self.players.len(),
            prices: self.prices.len(),
            taken: self.taken.len(),
        }
    }

    pub fn reset(&mut self, mark: &Mark) {
        self.markets.truncate(mark.markets);
        self.players.truncate(mark.players);
        self.prices.truncate(mark.prices);
        self.taken.truncate(mark.taken);
    }

    fn source(&self) -> usize {
        self.sources.len() - 1
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
        let lacks_listed = prices.chunk_by(|one, other| one.0.claim == other.0.claim).any(|of_claim| {
            let claim = &market.taught.claims[of_claim[0].0.claim];
            claim.lacks_listed(of_claim.iter().map(|(slot, _)| slot.rank))
        });
        if !is_known || twice || lacks_listed || selections.is_empty() {
            self.prices.truncate(from);
            return false;
        }
        let mut from = from;
        let source = self.sources.len() - 1;
        for of_claim in prices.chunk_by(|one, other| one.0.claim == other.0.claim) {
            let to = from + of_claim.len();
            let claim = &market.taught.claims[of_claim[0].0.claim];
            self.markets.push(Resolved { claim, from, to, source });
            from = to;
        }
        self.taken.push((source, Means::Market(market)));
        true
    }

    /// The same of a row of players; false as well where nothing is known of such a row.
    pub fn take_players(
        &mut self,
        known: &'k Known,
        platform: Platform,
        id: &str,
        qualifier: &str,
        selections: &[Selection<'v>],
    ) -> bool {
        let teams = Teams { home: self.home.as_deref(), away: self.away.as_deref() };
        let Some(row) = known.players(platform, id, qualifier, teams, &mut self.scratch) else {
            return false;
        };
        let Some(mut priced) = self.players_of(row, selections) else { return false };
        priced.sort_by(|(one, _), (other, _)| {
            (&one.about.claim.place, one.slot.rank).cmp(&(&other.about.claim.place, other.slot.rank))
        });
        if priced.windows(2).any(|pair| !are_apart(pair[0].0, pair[1].0)) {
            return false;
        }
        let source = self.source();
        for of_one in priced.chunk_by(|(one, _), (other, _)| one.about.claim.place == other.about.claim.place)
        {
            let from = self.prices.len();
            self.prices.extend(of_one.iter().map(|(slot, price)| (&slot.slot, *price)));
            let about = &of_one[0].0.about;
            let market = Resolved { claim: &about.claim, from, to: self.prices.len(), source };
            match &about.whose {
                None => self.markets.push(market),
                Some(whose) => self.players.push(OfPlayer { whose, market }),
            }
        }
        let from = self.of_players.len();
        self.of_players.extend(priced.iter().map(|(slot, _)| *slot));
        self.taken.push((source, Means::Players(from, self.of_players.len())));
        true
    }

    fn players_of(
        &mut self,
        row: &'k PlayerRow,
        selections: &[Selection<'v>],
    ) -> Option<Vec<(&'k PlayerSlot, Price<'v>)>> {
        let scratch = &mut self.scratch;
        let slot = |selection: &Selection<'v>| {
            let Selection { label, shown_line, id, side, price } = selection;
            if *side == Side::Odd {
                return None;
            }
            let said = PlayerPrice { label, shown_line: shown_line.as_deref(), id: *id, side: *side };
            Some((row.slot(&said, scratch)?, *price))
        };
        selections.iter().map(slot).collect()
    }

    fn as_they_stand(&mut self, market: &'k Market, selections: &[Selection<'v>]) -> bool {
        selections.iter().all(|selection| {
            let shown_line = selection.shown_line.as_deref();
            let slot = market.slot(&selection.label, shown_line, selection.id, &mut self.scratch);
            self.prices.extend(slot.map(|slot| (slot, selection.price)));
            slot.is_some()
        })
    }

    /// What the labels say with the event's names taken for home and away.
    fn by_roles(&mut self, market: &'k Market, selections: &[Selection<'v>]) -> bool {
        let Some(names) = &self.names else { return false };
        let longest = self.rules.limits.longest_label;
        let may_name =
            |selection: &Selection| selection.shown_line.is_none() && selection.label.len() <= longest;
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

    /// Markets, those of players, and misses in order.
    ///
    /// Rows that speak of one canonical market at one line are left aside, unless they are parts of it that have no
    /// outcome in common; so are rows that may speak of one of `apart`, and all that may speak of a market together
    /// with one that is left aside.
    pub fn written(mut self, apart: &[String]) -> Written {
        self.markets.sort_unstable_by(|one, other| one.claim.place.cmp(&other.claim.place));
        let (mut joined, twice) = self.joined();
        if !(twice.is_empty() && apart.is_empty()) {
            drop(joined);
            self.set_apart(twice.into_iter().chain(apart.iter().cloned()).collect());
            (joined, _) = self.joined();
        }
        let mut joined = joined.into_iter();
        self.players.sort_unstable_by(|one, other| one.whose.order.cmp(&other.whose.order));
        let (markets, players) = (self.markets.len(), self.players.len());
        let mut written = Written {
            markets: Entries::of(markets, self.prices.len() * 64 + markets * 96),
            players: Entries::of(players, players * 320),
            misses: Entries::of(self.misses.len(), self.misses.len() * 128),
            found: Vec::new(),
            aside: self.aside,
        };
        for parts in self.markets.chunk_by(|one, other| one.claim.place == other.claim.place) {
            let text = &mut written.markets.text;
            if let [market] = parts {
                write_market(market.claim, &self.prices[market.from..market.to], text);
            } else if let Some((claim, prices)) = joined.next() {
                write_market(claim, &prices, text);
            }
            written.markets.end(Arc::clone(&parts[0].claim.place));
        }
        for OfPlayer { whose, market } in &self.players {
            write_market(market.claim, &self.prices[market.from..market.to], &mut written.players.text);
            written.players.end(PlayerPlace {
                order: whose.order.clone(),
                place: Arc::clone(&market.claim.place),
                market: whose.market,
            });
        }
        self.misses.sort_unstable_by(|one, other| one.external_id.cmp(&other.external_id));
        for miss in &self.misses {
            write_miss(miss, &mut written.misses.text);
            written.misses.end(miss.external_id.clone());
        }
        written.found = self.misses;
        written
    }

    /// The markets that several rows have parts of, in order; and the places of which several rows speak that cannot
    /// be joined here.
    fn joined(&self) -> (Vec<Joined<'v, 'k>>, Vec<String>) {
        let (mut joined, mut twice) = (Vec::new(), Vec::new());
        for parts in self.markets.chunk_by(|one, other| one.claim.place == other.claim.place) {
            if parts.len() > 1 {
                match together(parts, &self.prices) {
                    Some(market) => joined.push(market),
                    None => twice.push(parts[0].claim.place.to_string()),
                }
            }
        }
        let mut seen: Set<&str> = Set::default();
        for OfPlayer { market, .. } in &self.players {
            if !seen.insert(&market.claim.place) {
                twice.push(market.claim.place.to_string());
            }
        }
        (joined, twice)
    }

    /// Leaves all rows aside that may speak of one of these places, and of what such a row speaks of.
    fn set_apart(&mut self, mut places: Set<String>) {
        let mut is_apart = vec![false; self.sources.len()];
        loop {
            let mut grows = false;
            for (source, means) in &self.taken {
                if !is_apart[*source] && means.meets(&places, &self.of_players) {
                    is_apart[*source] = true;
                    grows = true;
                }
            }
            if !grows {
                break;
            }
            let apart = self.taken.iter().filter(|(source, _)| is_apart[*source]);
            places.extend(apart.flat_map(|(_, means)| means.places(&self.of_players)));
        }
        self.markets.retain(|market| !is_apart[market.source]);
        self.players.retain(|player| !is_apart[player.market.source]);
        for (source, places) in self.sources.iter().enumerate() {
            if is_apart[source] {
                self.aside.extend(self.places[places.clone()].iter().cloned());
            }
        }
    }
}

/// Whether two prices of a row of players, the one that sorts first before the other, are of two markets, or of two
/// outcomes of one.
fn are_apart(one: &PlayerSlot, other: &PlayerSlot) -> bool {
    let (first, second) = (&one.about, &other.about);
    if first.claim.place != second.claim.place {
        return true;
    }
    let is_same = match (&first.whose, &second.whose) {
        (Some(whose), Some(others)) => (&whose.order, whose.claim) == (&others.order, others.claim),
        (None, None) => first.claim.begins == second.claim.begins,
        _ => false,
    };
    is_same && one.slot.rank != other.slot.rank
}

/// The prices of a market that several rows have parts of, and the claim of the least id, which is published.
fn together<'v, 'k>(parts: &[Resolved<'k>], prices: &[Priced<'v, 'k>]) -> Option<Joined<'v, 'k>> {
    let mapping = parts[0].claim.part.as_ref()?.mapping;
    let mut least = (parts[0].claim.part.as_ref()?, parts[0].claim);
    let mut all = Vec::new();
    for resolved in parts {
        let part = resolved.claim.part.as_ref()?;
        if part.mapping != mapping {
            return None;
        }
        if part.market_id < least.0.market_id {
            least = (part, resolved.claim);
        }
        all.extend_from_slice(&prices[resolved.from..resolved.to]);
    }
    all.sort_by_key(|(slot, _)| slot.rank);
    let is_twice = all.windows(2).any(|pair| pair[0].0.rank == pair[1].0.rank);
    if is_twice { None } else { Some((least.1, all)) }
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

/// The market of one player: where it is published among others, and what it is of.
pub struct PlayerPlace {
    pub order: Box<str>,
    place: Arc<str>,
    /// How much of the place is that of the canonical market at its line.
    market: usize,
}

impl PlayerPlace {
    /// The canonical market at its line and the player.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The canonical market at its line, which other players have as well.
    pub fn market(&self) -> &str {
        &self.place[..self.market]
    }
}

/// What is published of an observation, as far as it is known.
pub struct Written {
    pub markets: Entries<Arc<str>>,
    pub players: Entries<PlayerPlace>,
    pub misses: Entries<String>,
    pub found: Vec<Miss>,
    pub aside: Vec<Range<usize>>,
}

impl Written {
    /// The canonical markets at a line that some players have.
    pub fn player_markets(&self) -> Set<&str> {
        self.players.ends.iter().map(|(player, _)| player.market()).collect()
    }
}

fn write_market(claim: &Claim, prices: &[Priced], out: &mut String) {
    let mut before = &*claim.begins;
    for (slot, price) in prices {
        out.push_str(before);
        out.push_str(&slot.begins);
        price.write(out);
        before = "},";
    }
    out.push_str(if claim.is_complete { "}]}," } else { "}],\"complete\":false}," });
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
