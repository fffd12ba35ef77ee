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
    /// False of what a market of players says as well: there are more outcomes, one for each player.
    pub is_complete: bool,
    /// Ranks of outcomes that are what the others leave over, and of those that are listed with them, in order.
    pub residuals: Ranks,
    pub listed: Ranks,
}

pub type Ranks = Box<[usize]>;

impl Claim {
    /// Whether prices of these ranks, in order, have what others leave over without all that is listed with it.
    pub fn lacks_listed(&self, ranks: impl Iterator<Item = usize> + Clone) -> bool {
        !self.residuals.is_empty()
            && ranks.clone().any(|rank| self.residuals.contains(&rank))
            && !ranks.filter(|rank| self.listed.contains(rank)).eq(self.listed.iter().copied())
    }
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
        shown_line: Option<&str>,
        id: Option<&str>,
        scratch: &mut String,
    ) -> Option<&Slot> {
        let slots = match shown_line {
            None => self.labels.get(label)?,
            Some(shown_line) => {
                scratch.clear();
                push_label(label, shown_line, scratch);
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
fn push_label(label: &str, shown_line: &str, into: &mut String) {
    into.push_str(label);
    into.push('\0');
    into.push_str(shown_line);
}

/// Whose a market of a player is. It is published in a list of its own, in an order of its own.
pub struct Whose {
    /// How much of its claim's place is that of the canonical market at its line, without the player.
    pub market: usize,
    pub order: Box<str>,
    /// Tells claims apart: two of them never give one player's market together.
    pub claim: usize,
}

/// A canonical market that a row of players speaks of: that of one player, or what else there is, such as "no goal".
pub struct About {
    pub claim: Claim,
    pub whose: Option<Whose>,
}

/// What one price of a row of players says.
pub struct PlayerSlot {
    pub about: Arc<About>,
    pub slot: Slot,
}

/// A row of players of one event: what each of its prices says.
#[derive(Default)]
pub struct PlayerRow {
    slots: Map<Box<str>, PlayerSlot>,
}

impl PlayerRow {
    pub fn slot(&self, price: &PlayerPrice, scratch: &mut String) -> Option<&PlayerSlot> {
        scratch.clear();
        price.push(scratch);
        self.slots.get(scratch.as_str())
    }
}

/// What a price of a row of players is known by.
pub struct PlayerPrice<'a> {
    pub label: &'a str,
    pub shown_line: Option<&'a str>,
    pub id: Option<&'a str>,
    pub side: Side,
}

impl PlayerPrice<'_> {
    fn push(&self, into: &mut String) {
        into.push_str(self.label);
        push_part(self.shown_line, into);
        push_part(self.id, into);
        push_part(self.side.name(), into);
    }
}

/// The side of the team that a price says its player is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Home,
    Away,
    NotSaid,
    /// It takes more to read it.
    Odd,
}

impl Side {
    pub fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::NotSaid),
            Some("home") => Some(Self::Home),
            Some("away") => Some(Self::Away),
            Some(_) => None,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Home => Some("home"),
            Self::Away => Some("away"),
            Self::NotSaid | Self::Odd => None,
        }
    }
}

/// The teams of an event, as it names them.
#[derive(Clone, Copy)]
pub struct Teams<'a> {
    pub home: Option<&'a str>,
    pub away: Option<&'a str>,
}

/// No text holds a NUL, and one that is there begins with another character than nothing does.
fn push_part(part: Option<&str>, into: &mut String) {
    into.push('\0');
    if let Some(part) = part {
        into.push('=');
        into.push_str(part);
    }
}

/// Rows of players by id, qualifier and teams. An event is scraped again and again, so they come back; but there are
/// new ones every day, and anybody may make some up: beyond a number of bytes all are forgotten.
#[derive(Default)]
struct Players {
    rows: Map<Box<str>, PlayerRow>,
    bytes: usize,
}

impl Players {
    fn learn(&mut self, key: String, slots: Vec<(String, PlayerSlot)>, most_bytes: usize) {
        let bytes_of = |price: &str, slot: &PlayerSlot| price.len() + slot.bytes();
        let row_bytes = key.len() + size_of::<(Box<str>, PlayerRow)>();
        let bytes = row_bytes + slots.iter().map(|(price, slot)| bytes_of(price, slot)).sum::<usize>();
        if bytes > most_bytes / SHARE_OF_ROW {
            return;
        }
        if self.bytes + bytes > most_bytes {
            self.rows.clear();
            self.bytes = 0;
        }
        if !self.rows.contains_key(key.as_str()) {
            self.bytes += row_bytes;
        }
        let row = self.rows.entry(key.into()).or_default();
        for (price, slot) in slots {
            let bytes = bytes_of(&price, &slot);
            if row.slots.insert(price.into(), slot).is_none() {
                self.bytes += bytes;
            }
        }
    }
}

impl PlayerSlot {
    /// How many bytes it takes; what it shares with others is counted with each.
    fn bytes(&self) -> usize {
        let about = &self.about;
        let whose = about.whose.as_ref().map_or(0, |whose| whose.order.len());
        let texts = about.claim.place.len() + about.claim.begins.len() + whose + self.slot.begins.len();
        texts + size_of::<About>() + size_of::<(Box<str>, Self)>()
    }
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
    /// The same, and rows of it may be of players.
    OfPlayers(Map<Box<str>, Meaning>),
}

/// A feed may hold anything: what is beyond a bound is learnt again.
const MOST_IDS: usize = 65_536;
const MOST_QUALIFIERS: usize = 256;
const MOST_LABELS: usize = 1024;
const MOST_IDS_OF_LABEL: usize = 64;
const MOST_LINES: usize = 4096;
const MOST_SPECIFIERS: usize = 256;
const MOST_FORMS: usize = 16;
/// One row of players may take this part of what all may take.
const SHARE_OF_ROW: usize = 16;

/// A line by how it is formatted.
type Forms = Map<Box<str>, Box<str>>;

#[derive(Default)]
pub struct Known {
    platforms: [Map<Box<str>, Id>; 3],
    /// BetPawa's lines by how a row writes its handicap, its specifier, then its formatted handicap.
    lines: Map<Box<str>, Map<Box<str>, Forms>>,
    players: [Players; 3],
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

    pub fn bytes_of_players(&self) -> usize {
        let of_both = self.prematch.players.iter().chain(&self.live.players);
        of_both.map(|players| players.bytes).sum()
    }
}

impl Known {
    pub fn id(&self, platform: Platform, id: &str) -> Option<&Id> {
        self.platforms[platform as usize].get(id)
    }

    pub fn is_claimed(&self, platform: Platform, id: &str) -> bool {
        matches!(self.id(platform, id), Some(Id::Claimed(_) | Id::OfPlayers(_)))
    }

    pub fn is_of_players(&self, platform: Platform, id: &str) -> bool {
        matches!(self.id(platform, id), Some(Id::OfPlayers(_)))
    }

    /// What is known of a row of players; `scratch` is where its key is made.
    pub fn players(
        &self,
        platform: Platform,
        id: &str,
        qualifier: &str,
        teams: Teams,
        scratch: &mut String,
    ) -> Option<&PlayerRow> {
        scratch.clear();
        push_row(id, qualifier, teams, scratch);
        self.players[platform as usize].rows.get(scratch.as_str())
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
        for (mut label, shown_line, slot) in labels {
            if let Some(shown_line) = shown_line {
                let text = std::mem::take(&mut label);
                push_label(&text, &shown_line, &mut label);
            }
            match bounded(&mut market.labels, MOST_LABELS).entry(label.into()) {
                Entry::Occupied(mut slots) => slots.get_mut().learn(slot),
                Entry::Vacant(place) => {
                    place.insert(Slots { first: slot, others: Vec::new() });
                }
            }
        }
    }

    /// What prices of a row of players say. More than `most_bytes` are never kept.
    pub fn learn_players(
        &mut self,
        platform: Platform,
        id: &str,
        qualifier: &str,
        teams: Teams,
        slots: Vec<(PlayerPrice, PlayerSlot)>,
        most_bytes: usize,
    ) {
        let known = self.ids(platform).entry(id.into()).or_insert(Id::Unknown);
        if let Id::Claimed(qualifiers) = known {
            *known = Id::OfPlayers(std::mem::take(qualifiers));
        } else if matches!(known, Id::Unknown) {
            *known = Id::OfPlayers(Map::default());
        }
        let mut key = String::new();
        push_row(id, qualifier, teams, &mut key);
        let by_text = |(price, slot): (PlayerPrice, PlayerSlot)| {
            let mut text = String::new();
            price.push(&mut text);
            (text, slot)
        };
        let slots = slots.into_iter().map(by_text).collect();
        self.players[platform as usize].learn(key, slots, most_bytes);
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
            Id::Claimed(qualifiers) | Id::OfPlayers(qualifiers) => bounded(qualifiers, MOST_QUALIFIERS),
            Id::Unknown => unreachable!("it was just claimed"),
        }
    }
}

fn push_row(id: &str, qualifier: &str, teams: Teams, into: &mut String) {
    into.push_str(id);
    push_part(Some(qualifier), into);
    push_part(teams.home, into);
    push_part(teams.away, into);
}

/// A map that has room for one more, if it has to forget everything.
fn bounded<K, V>(map: &mut Map<K, V>, most: usize) -> &mut Map<K, V> {
    if map.len() >= most {
        map.clear();
    }
    map
}
