//! Recalls what rows of bookmakers' markets mean, for the same rows of other events.
//!
//! How it works. The same few thousand rows come back in every event with other prices. So Python resolves a row
//! that is new and teaches the result: this platform's id with this qualifier and this label is that outcome of
//! that canonical market. The next row with the same id, qualifier and labels only needs its prices copied.
//!
//! Nothing is decided here. Three rules keep it so:
//!
//! - Knowledge only comes from `learn_*`, for one index of mappings. A new index begins with nothing.
//! - Anything unusual is left to Python. An unusual row is reported by its place in the value (`aside`); an
//!   unusual record is reported as a whole (`Unusual`, None in Python). Leaving something aside is never wrong,
//!   it only takes longer. Reading it in another way than Python would be wrong.
//! - Characters, words that are no names, and limits are handed over by Python (`rules`).
//!
//! What is learnt of a label holds for all events, but for rows of players: their labels are of one event, so they are
//! learnt with the names of its teams, up to a number of bytes. They come back with the next scrape of that event.
//!
//! Rows that speak of one canonical market are left aside together, so that Python resolves them together; the others
//! are recalled nevertheless (`row::Found::written`).
//!
//! The way of a record: `observation` reads the envelope and hands the markets to the bookmaker's reader
//! (`sportybet`, `betpawa`, `bet9ja`). The reader looks a row up in `known` and gives its prices to `row`, which
//! collects markets and misses and writes them as JSON. `names` puts roles in the place of team names, `sample`
//! and `tally` answer what is counted of misses. `json` scans, `reader` types what it scans.

mod bet9ja;
mod betpawa;
mod json;
mod known;
mod least;
mod names;
mod observation;
mod odds;
mod once;
mod reader;
mod row;
mod rules;
mod sample;
mod sportybet;
mod tally;
mod unusual;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, RwLock};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use known::{
    About, Claim, Known, Part, Phases, Platform, PlayerPrice, PlayerSlot, Set, Side, Slot, Taught, Teams,
    Whose,
};
use names::{Bits, Characters};
use observation::Seen;
use rules::{Limits, Rules};
use tally::Counted;

/// Remembers what rows mean under one index of mappings.
#[pyclass(frozen)]
struct Recall {
    known: RwLock<Phases>,
    rules: Rules,
}

fn platform(name: &str) -> PyResult<Platform> {
    Platform::named(name).ok_or_else(|| PyValueError::new_err(format!("no platform: {name}")))
}

/// Its place, its market's JSON before the first outcome, the mapping where a row may have a part of its market; the
/// ranks of what others leave over, and of those that are listed with it.
type TaughtClaim = (String, String, Option<usize>, Vec<usize>, Vec<usize>);
/// A label, the line next to it, its id, the number of its claim, its rank there, its JSON before the price.
type TaughtLabel = (String, Option<String>, Option<String>, usize, usize, String);

/// What a row of players speaks of: its place, its JSON before the first outcome, whether there is no more of it; of
/// a player's market the place without the player, its order among others, and the number of the claim.
type TaughtAbout = (String, String, bool, Option<(String, String, usize)>);
/// A label, the line next to it, its id, its side, the number of what it speaks of, its rank there, its JSON before the
/// price.
type TaughtPrice = (String, Option<String>, Option<String>, Option<String>, usize, usize, String);

#[pymethods]
impl Recall {
    /// `flags` of characters by code point, each a sum of `bits`; `not_names` are words that name no team;
    /// `football` are the spellings of the only sport that is recalled.
    #[new]
    fn new(
        flags: Vec<u8>,
        bits: Bits,
        folded: HashMap<char, String>,
        not_names: HashSet<String>,
        football: HashSet<String>,
        limits: Limits,
    ) -> Self {
        let rules = Rules { characters: Characters { flags, bits, folded }, not_names, football, limits };
        Self { known: RwLock::default(), rules }
    }

    /// What is known of each value; None for one that is not as usual.
    #[allow(clippy::needless_pass_by_value)]
    fn read(&self, py: Python<'_>, values: Vec<Option<PyBackedBytes>>) -> Vec<Option<Recalled>> {
        py.detach(|| {
            let known = self.known.read().expect("nobody panics while it is written to");
            let read = |value: &Option<PyBackedBytes>| self.recalled(value.as_deref()?, &known, &[]);
            values.iter().map(read).collect()
        })
    }

    /// What is known of a value, but for rows that may speak of one of these places: they are left aside, and so is
    /// all that has to be resolved together with them.
    #[allow(clippy::needless_pass_by_value)]
    fn read_apart(&self, py: Python<'_>, value: PyBackedBytes, places: Vec<String>) -> Option<Recalled> {
        py.detach(|| {
            let known = self.known.read().expect("nobody panics while it is written to");
            self.recalled(&value, &known, &places)
        })
    }

    /// The misses of observations, the oldest one first, each with the hash of its event: of each market how
    /// often it was missed, in which of them first and last, its number there, and the smallest hashes.
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value)]
    fn tally(seen: Vec<(Bound<'_, Recalled>, u32)>, most_hashes: usize) -> Vec<Counted> {
        let seen: Vec<_> = seen.iter().map(|(recalled, hash)| (&recalled.get().seen, *hash)).collect();
        tally::tally(&seen, most_hashes)
    }

    fn learn_unknown(&self, platform_name: &str, live: bool, market_id: &str) -> PyResult<()> {
        self.teach(live, |known| {
            known.learn_unknown(platform(platform_name)?, market_id);
            Ok(())
        })
    }

    fn learn_not_mapped(
        &self,
        platform_name: &str,
        live: bool,
        market_id: &str,
        qualifier: &str,
        external_id: String,
        reason: &str,
    ) -> PyResult<()> {
        self.teach(live, |known| {
            known.learn_not_mapped(platform(platform_name)?, market_id, qualifier, external_id, reason);
            Ok(())
        })
    }

    /// Labels of one market; `words` are those of the labels of each mapping that claims it, `ids` those that any
    /// of them names.
    #[allow(clippy::too_many_arguments)]
    fn learn_labels(
        &self,
        platform_name: &str,
        live: bool,
        market_id: &str,
        qualifier: &str,
        words: Vec<HashSet<String>>,
        ids: HashSet<String>,
        claims: Vec<TaughtClaim>,
        labels: Vec<TaughtLabel>,
    ) -> PyResult<()> {
        if labels.iter().any(|&(_, _, _, claim, _, _)| claim >= claims.len()) {
            return Err(PyValueError::new_err("a label is of a claim that there is not"));
        }
        let claim = |(place, begins, part, residuals, listed): TaughtClaim| Claim {
            place: place.into(),
            begins: begins.into(),
            part: part.map(|mapping| Part { mapping, market_id: market_id.into() }),
            is_complete: true,
            residuals: residuals.into(),
            listed: listed.into(),
        };
        let claims = claims.into_iter().map(claim).collect();
        let label = |(label, shown_line, id, claim, rank, begins): TaughtLabel| {
            (label, shown_line, Slot { id: id.map(Into::into), claim, rank, begins: begins.into() })
        };
        let labels = labels.into_iter().map(label).collect();
        self.teach(live, |known| {
            let market = Taught { words, ids: ids.into_iter().map(Into::into).collect(), claims };
            known.learn_labels(platform(platform_name)?, market_id, qualifier, market, labels);
            Ok(())
        })
    }

    /// Prices of a row of players in an event of these teams; `abouts` are what they speak of.
    #[allow(clippy::too_many_arguments)]
    #[allow(clippy::needless_pass_by_value)]
    fn learn_players(
        &self,
        platform_name: &str,
        live: bool,
        market_id: &str,
        qualifier: &str,
        home: Option<&str>,
        away: Option<&str>,
        abouts: Vec<TaughtAbout>,
        prices: Vec<TaughtPrice>,
    ) -> PyResult<()> {
        let abouts = abouts.into_iter().map(about).collect::<PyResult<Vec<_>>>()?;
        let mut slots = Vec::with_capacity(prices.len());
        for (label, shown_line, id, side, number, rank, begins) in &prices {
            let about =
                abouts.get(*number).ok_or_else(|| PyValueError::new_err("a price is about nothing"))?;
            let slot = Slot { id: None, claim: 0, rank: *rank, begins: begins.as_str().into() };
            let side = Side::named(side.as_deref()).ok_or_else(|| PyValueError::new_err("no such side"))?;
            let price = PlayerPrice { label, shown_line: shown_line.as_deref(), id: id.as_deref(), side };
            slots.push((price, PlayerSlot { about: Arc::clone(about), slot }));
        }
        let most_bytes = self.rules.limits.most_bytes_of_players;
        self.teach(live, |known| {
            let teams = Teams { home, away };
            known.learn_players(platform(platform_name)?, market_id, qualifier, teams, slots, most_bytes);
            Ok(())
        })
    }

    /// How many bytes rows of players take.
    #[getter]
    fn bytes_of_players(&self) -> usize {
        self.known.read().expect("nobody panics while it is written to").bytes_of_players()
    }

    /// `line` is what BetPawa's rows mean with this handicap, specifier and formatted handicap, as they write them.
    fn learn_line(&self, handicap: &str, specifier: &str, formatted: &str, line: &str) -> PyResult<()> {
        for live in [false, true] {
            self.teach(live, |known| {
                known.learn_line(handicap, specifier, formatted, line);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Labels as they are known with an event's names taken for home and away; None where that is not certain.
    #[allow(clippy::needless_pass_by_value)]
    fn roles(&self, labels: Vec<String>, home: &str, away: &str) -> Option<Vec<String>> {
        let names = names::Names::of(home, away, &self.rules.characters, &self.rules.not_names)?;
        let joined = labels.join(&names::SEPARATOR.to_string());
        let roles = names.roles(&joined, &self.rules.characters)?;
        Some(roles.split(names::SEPARATOR).map(Into::into).collect())
    }
}

fn about((place, begins, is_complete, whose): TaughtAbout) -> PyResult<Arc<About>> {
    let whose = whose.map(|(market, order, claim)| {
        if !place.starts_with(&market) {
            return Err(PyValueError::new_err("the place of a player is not in its market"));
        }
        Ok(Whose { market: market.len(), order: order.into(), claim })
    });
    let claim = Claim {
        place: place.as_str().into(),
        begins: begins.into(),
        part: None,
        is_complete,
        residuals: Box::default(),
        listed: Box::default(),
    };
    Ok(Arc::new(About { claim, whose: whose.transpose()? }))
}

impl Recall {
    fn recalled(&self, value: &[u8], known: &Phases, apart: &[String]) -> Option<Recalled> {
        let seen = observation::read(value, known, &self.rules, apart).ok()?;
        Some(Recalled { seen, limits: self.rules.limits })
    }

    fn teach(&self, live: bool, with: impl FnOnce(&mut Known) -> PyResult<()>) -> PyResult<()> {
        with(self.known.write().expect("nobody panics while it is written to").of_mut(live))
    }
}

/// What is known of one observation.
#[pyclass(frozen)]
struct Recalled {
    seen: Seen,
    limits: Limits,
}

fn are_in_order(entries: &[(String, String)]) -> bool {
    entries.is_sorted_by(|(one, _), (other, _)| one <= other)
}

type Place = (usize, usize);

fn places(ranges: &[Range<usize>]) -> Vec<Place> {
    ranges.iter().map(|range| (range.start, range.end)).collect()
}

#[pymethods]
impl Recalled {
    #[getter]
    fn platform(&self) -> &'static str {
        self.seen.platform.name()
    }

    /// The value with nothing in its markets.
    #[getter]
    fn envelope<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.seen.envelope)
    }

    /// Where the names of Bet9ja's markets are in the value.
    #[getter]
    fn names(&self) -> Option<Place> {
        self.seen.names.as_ref().map(|place| (place.start, place.end))
    }

    /// How many markets are resolved; that of many players is one.
    #[getter]
    fn markets(&self) -> usize {
        let written = &self.seen.written;
        written.markets.ends.len() + written.player_markets().len()
    }

    /// Where what is left aside is in the value: markets, of Bet9ja keys with their values.
    #[getter]
    fn aside(&self) -> Vec<Place> {
        places(&self.seen.written.aside)
    }

    /// Handicap, specifier and formatted handicap of BetPawa's rows that are new, as they are written.
    #[getter]
    fn lines(&self) -> Vec<(String, String, String)> {
        self.seen.lines.clone()
    }

    /// How many markets are missed.
    #[getter]
    fn missed(&self) -> usize {
        self.seen.written.found.len()
    }

    /// How many of them for each reason.
    #[getter]
    fn reasons(&self) -> HashMap<&str, usize> {
        let mut reasons = HashMap::new();
        for miss in &self.seen.written.found {
            *reasons.entry(&*miss.reason).or_default() += 1;
        }
        reasons
    }

    /// A miss's id, its name, and why it is one.
    fn miss(&self, number: usize) -> (&str, Option<&str>, &str) {
        let miss = &self.seen.written.found[number];
        (&miss.external_id, miss.name.as_deref(), &miss.reason)
    }

    /// Where the rows of a miss are in the value.
    fn rows(&self, miss: usize) -> Vec<Place> {
        places(&self.seen.written.found[miss].rows)
    }

    /// A few outcomes of a miss as JSON; None where it takes more to read them. `value` is what was read.
    #[allow(clippy::needless_pass_by_value)]
    fn sample(&self, py: Python<'_>, miss: usize, value: PyBackedBytes) -> Option<String> {
        py.detach(|| sample::sample(&self.seen, miss, &value, &self.limits).ok())
    }

    /// The resolved event from its markets on: of these, and of `markets`, `misses` and `players`, each with its
    /// place, its id or its order, its JSON and a comma; all are in order and meet none of these. `tail` comes after
    /// the misses.
    #[allow(clippy::needless_pass_by_value)]
    fn body<'py>(
        &self,
        py: Python<'py>,
        markets: Vec<(String, String)>,
        misses: Vec<(String, String)>,
        players: Vec<(String, String)>,
        tail: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if ![&markets, &misses, &players].into_iter().all(|entries| are_in_order(entries)) {
            return Err(PyValueError::new_err("entries are not in order"));
        }
        let written = &self.seen.written;
        let texts = written.markets.text.len() + written.misses.text.len() + written.players.text.len();
        let mut body = String::with_capacity(texts + 4096);
        body.push_str(",\"markets\":[");
        written.markets.with(&markets, |place| place, &mut body);
        body.push_str("],\"misses\":[");
        written.misses.with(&misses, |id| id, &mut body);
        body.push(']');
        body.push_str(tail);
        if !players.is_empty() || !written.players.ends.is_empty() {
            body.push_str(",\"participant_markets\":[");
            written.players.with(&players, |player| &player.order, &mut body);
            body.push(']');
        }
        body.push('}');
        Ok(PyBytes::new(py, body.as_bytes()))
    }

    /// Whether one of these is resolved, or one of these ids missed. A place is a canonical market at a line, which
    /// is that of all its players, or that of one of them.
    #[allow(clippy::needless_pass_by_value)]
    fn meets(&self, places: Vec<String>, ids: Vec<String>) -> bool {
        let written = &self.seen.written;
        let resolved =
            |place: &String| written.markets.ends.binary_search_by(|(known, _)| (**known).cmp(place));
        let missed = |id: &String| written.found.binary_search_by(|miss| miss.external_id.cmp(id));
        places.iter().any(|place| resolved(place).is_ok())
            || ids.iter().any(|id| missed(id).is_ok())
            || self.has_players_at(&places)
    }

    /// How many of these canonical markets at a line, each of them once, are resolved for a player.
    #[allow(clippy::needless_pass_by_value)]
    fn shared(&self, markets: Vec<String>) -> usize {
        let known = self.seen.written.player_markets();
        markets.iter().filter(|market| known.contains(market.as_str())).count()
    }
}

impl Recalled {
    fn has_players_at(&self, places: &[String]) -> bool {
        let players = &self.seen.written.players.ends;
        if players.is_empty() || places.is_empty() {
            return false;
        }
        let places: Set<&str> = places.iter().map(String::as_str).collect();
        players.iter().any(|(player, _)| places.contains(player.place()) || places.contains(player.market()))
    }
}

#[pymodule]
mod market_mapping_recall {
    #[pymodule_export]
    use super::{Recall, Recalled};

    /// Raised with every change of what Python hands over or gets back: both are of one number, or not used together.
    #[pymodule_export]
    const INTERFACE: u32 = 5;
}
