//! One record's value: what is passed on of it, and what its markets are known to mean.

use std::borrow::Cow;
use std::ops::Range;

use crate::bet9ja::{self, Entry, MarketNames};
use crate::betpawa::{self, WrittenLine};
use crate::known::{Known, Phases, Platform};
use crate::names::Names;
use crate::once::Once;
use crate::reader::Reader;
use crate::row::{Found, Written};
use crate::rules::Rules;
use crate::sportybet;
use crate::unusual::{Unusual, Usual};

/// What was found in an observation. `envelope` is the value without its markets.
pub struct Seen {
    pub platform: Platform,
    pub envelope: Vec<u8>,
    /// Where the names of Bet9ja's markets are.
    pub names: Option<Range<usize>>,
    pub written: Written,
    pub lines: Vec<(String, String, String)>,
}

#[derive(Clone, Copy)]
enum Field {
    Platform,
    Event,
    Markets,
    MarketNames,
    Other,
}

fn field(name: &[u8]) -> Field {
    match name {
        b"platform" => Field::Platform,
        b"event" => Field::Event,
        b"markets" => Field::Markets,
        b"market_names" => Field::MarketNames,
        _ => Field::Other,
    }
}

/// Reads an observation under what is known. Rows that may speak of one of `apart` are left aside.
pub fn read<'v>(value: &'v [u8], known: &Phases, rules: &Rules, apart: &[String]) -> Usual<Seen> {
    let mut reader = Reader::new(value)?;
    let read_markets = |reader: &mut Reader<'v>, platform, event: &Event<'v>| {
        let names = if platform == Platform::Bet9ja { None } else { names_of(event, rules) };
        let found = Found::new(rules, names, event.home.clone(), event.away.clone());
        Markets::read(reader, platform, known.of(event.live), found)
    };
    let (mut platform, mut event, mut markets, mut market_names) = (None, None, None, None);
    let mut read = None;
    let mut once = Once::default();
    let mut next = reader.first_field(field)?;
    while let Some(met) = next {
        once.check(met as u8, Field::Other as u8)?;
        match met {
            Field::Platform => platform = Some(Platform::named(&reader.text()?).ok_or(Unusual)?),
            Field::Event => event = Some(read_event(&mut reader, rules)?),
            Field::Markets => {
                reader.peek()?;
                let begin = reader.place();
                match (platform, &event) {
                    (Some(platform), Some(event)) => read = Some(read_markets(&mut reader, platform, event)?),
                    _ => reader.pass()?, // the platform comes after them
                }
                markets = Some(begin..reader.place());
            }
            Field::MarketNames => market_names = Some(reader.skip()?),
            Field::Other => reader.pass()?,
        }
        next = reader.next_field(field)?;
    }
    reader.end()?;
    let (Some(platform), Some(event), Some(markets)) = (platform, event, markets) else {
        return Err(Unusual);
    };
    let read = match read {
        None => read_markets(&mut reader.at(&markets), platform, &event)?,
        Some(read) => read,
    };
    let Markets { mut found, lines, entries } = read;
    if platform == Platform::Bet9ja {
        let names = market_names.as_ref().map(|place| names_at(&reader, place)).transpose()?;
        bet9ja::rows(&entries, known.of(event.live), &mut found, &names.unwrap_or_default())?;
    }
    let envelope = cut(value, platform, &markets, market_names.as_ref());
    let lines = lines.into_iter().map(|(handicap, specifier, formatted)| {
        (handicap.to_owned(), specifier.to_owned(), formatted.to_owned())
    });
    Ok(Seen {
        platform,
        envelope,
        names: market_names,
        lines: lines.collect(),
        written: found.written(apart),
    })
}

/// What was read of the markets; Bet9ja's entries are sorted into rows when the names of its markets are there.
struct Markets<'v, 'k> {
    found: Found<'v, 'k>,
    lines: Vec<WrittenLine<'v>>,
    entries: Vec<Entry<'v>>,
}

impl<'v, 'k> Markets<'v, 'k> {
    fn read(
        reader: &mut Reader<'v>,
        platform: Platform,
        known: &'k Known,
        found: Found<'v, 'k>,
    ) -> Usual<Self> {
        let mut read = Self { found, lines: Vec::new(), entries: Vec::new() };
        match platform {
            Platform::Sportybet => sportybet::read(reader, known, &mut read.found)?,
            Platform::Betpawa => betpawa::read(reader, known, &mut read.found, &mut read.lines)?,
            Platform::Bet9ja => {
                read.entries = bet9ja::entries(reader, read.found.rules.limits.longest_key)?;
            }
        }
        Ok(read)
    }
}

fn names_of(event: &Event, rules: &Rules) -> Option<Names> {
    let (home, away) = (event.home.as_deref()?, event.away.as_deref()?);
    Names::of(home, away, &rules.characters, &rules.not_names)
}

#[derive(Clone, Copy)]
enum EventField {
    Home,
    Away,
    Sport,
    Live,
    Other,
}

fn event_field(name: &[u8]) -> EventField {
    match name {
        b"home" => EventField::Home,
        b"away" => EventField::Away,
        b"sport" => EventField::Sport,
        b"live" => EventField::Live,
        _ => EventField::Other,
    }
}

/// What markets depend on: the teams, and whether it is in play.
#[derive(Default)]
struct Event<'v> {
    home: Option<Cow<'v, str>>,
    away: Option<Cow<'v, str>>,
    live: bool,
}

/// An event of football; of another sport nothing is known here.
fn read_event<'v>(reader: &mut Reader<'v>, rules: &Rules) -> Usual<Event<'v>> {
    let mut event = Event::default();
    let mut once = Once::default();
    let mut next = reader.first_field(event_field)?;
    while let Some(met) = next {
        once.check(met as u8, EventField::Other as u8)?;
        match met {
            EventField::Home => event.home = reader.text_or_null()?,
            EventField::Away => event.away = reader.text_or_null()?,
            EventField::Sport => {
                let sport = reader.text_or_null()?;
                if sport.is_some_and(|sport| !rules.football.contains(&*sport)) {
                    return Err(Unusual);
                }
            }
            EventField::Live => event.live = reader.flag_or_null()?.unwrap_or(false),
            EventField::Other => reader.pass()?,
        }
        next = reader.next_field(event_field)?;
    }
    Ok(event)
}

fn names_at<'v>(reader: &Reader<'v>, place: &Range<usize>) -> Usual<MarketNames<'v>> {
    let mut within = reader.at(place);
    let mut names = MarketNames::default();
    if within.is_null()? {
        return Ok(names);
    }
    let mut next = within.first_key()?;
    while let Some(id) = next {
        names.insert(id, within.text()?);
        next = within.next_key()?;
    }
    Ok(names)
}

/// The value with nothing in its markets, and of Bet9ja without their names.
fn cut(value: &[u8], platform: Platform, markets: &Range<usize>, names: Option<&Range<usize>>) -> Vec<u8> {
    let (empty, names): (&[u8], _) = match platform {
        Platform::Bet9ja => (b"{}", names),
        _ => (b"[]", None),
    };
    let mut cuts = vec![(markets, empty)];
    cuts.extend(names.map(|names| (names, &b"null"[..])));
    cuts.sort_unstable_by_key(|(place, _)| place.start);
    let (mut envelope, mut begin) = (Vec::with_capacity(1024), 0);
    for (place, instead) in cuts {
        envelope.extend_from_slice(&value[begin..place.start]);
        envelope.extend_from_slice(instead);
        begin = place.end;
    }
    envelope.extend_from_slice(&value[begin..]);
    envelope
}
