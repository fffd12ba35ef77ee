//! SportyBet: one object a market and specifier. Outcomes are read where a mapping claims their market.

use std::borrow::Cow;
use std::ops::Range;

use crate::known::{Known, Platform, Side};
use crate::least::{Least, Sampled};
use crate::odds::{Price, closed, has_many_decimals, is_exactly, odds};
use crate::once::Once;
use crate::reader::Reader;
use crate::row::{Found, Selection, Sorted, sort};
use crate::unusual::{Unusual, Usual};

#[derive(Clone, Copy)]
enum Field {
    Id,
    Specifier,
    Name,
    Desc,
    Status,
    Banned,
    Outcomes,
    Other,
}

fn field(name: &[u8]) -> Field {
    match name {
        b"id" => Field::Id,
        b"specifier" => Field::Specifier,
        b"name" => Field::Name,
        b"desc" => Field::Desc,
        b"status" => Field::Status,
        b"banned" => Field::Banned,
        b"outcomes" => Field::Outcomes,
        _ => Field::Other,
    }
}

#[derive(Default)]
struct Market<'v> {
    id: Option<Cow<'v, str>>,
    qualifier: Option<Cow<'v, str>>,
    name: Option<Cow<'v, str>>,
    desc: Option<Cow<'v, str>>,
    is_closed: bool,
    outcomes: Option<Range<usize>>,
}

pub fn read<'v, 'k>(reader: &mut Reader<'v>, known: &'k Known, found: &mut Found<'v, 'k>) -> Usual<()> {
    let mut outcomes = Vec::new();
    let mut selections = Vec::new();
    let mut next = reader.first_item()?;
    while next {
        reader.peek()?;
        let begin = reader.place();
        outcomes.clear();
        let is_claimed = |id: &str| known.is_claimed(Platform::Sportybet, id);
        let market = market(reader, is_claimed, &mut outcomes)?;
        let place = begin..reader.place();
        let id = market.id.filter(|id| !id.is_empty()).ok_or(Unusual)?;
        if market.qualifier.as_deref() == Some("") {
            return Err(Unusual);
        }
        let name =
            market.name.filter(|name| !name.is_empty()).or(market.desc).filter(|name| !name.is_empty());
        let qualifier = market.qualifier.unwrap_or_default();
        match sort(known, Platform::Sportybet, &id, &qualifier) {
            Sorted::Unknown => found.unknown(&id, name.as_deref(), [place])?,
            Sorted::NotMapped(id, reason) => found.miss(id, reason, name.as_deref(), [place])?,
            Sorted::Strange if !known.is_of_players(Platform::Sportybet, &id) => found.aside.push(place),
            sorted => {
                let is_read = match &market.outcomes {
                    None => true,
                    Some(place) => outcomes_of(&mut reader.at(place), &mut outcomes).is_ok(),
                };
                let is_priced = is_read && priced(&mut outcomes, market.is_closed, &mut selections);
                found.read_from([place.clone()]);
                let is_taken = is_priced
                    && match sorted {
                        Sorted::Market(means) => found.take(means, &selections),
                        _ => found.take_players(known, Platform::Sportybet, &id, &qualifier, &selections),
                    };
                if !is_taken {
                    found.aside.push(place);
                }
            }
        }
        next = reader.next_item()?;
    }
    Ok(())
}

/// Outcomes are read at once where they are wanted; else, or when they are not as usual, `outcomes` of the
/// market tells where they are.
fn market<'v>(
    reader: &mut Reader<'v>,
    are_wanted: impl Fn(&str) -> bool,
    outcomes: &mut Vec<Outcome<'v>>,
) -> Usual<Market<'v>> {
    let mut market = Market::default();
    let mut once = Once::default();
    let mut next = reader.first_field(field)?;
    while let Some(met) = next {
        once.check(met as u8, Field::Other as u8)?;
        match met {
            Field::Id => market.id = Some(reader.text()?),
            Field::Specifier => market.qualifier = reader.text_or_null()?,
            Field::Name => market.name = reader.text_or_null()?,
            Field::Desc => market.desc = reader.text_or_null()?,
            Field::Status => market.is_closed |= status(reader.number()?)?,
            Field::Banned => market.is_closed |= reader.flag_or_null()? == Some(true),
            Field::Outcomes => {
                let begin = reader.place();
                if !market.id.as_deref().is_some_and(&are_wanted) || outcomes_of(reader, outcomes).is_err() {
                    reader.go_back(begin);
                    market.outcomes = Some(reader.skip()?);
                }
            }
            Field::Other => reader.pass()?,
        }
        next = reader.next_field(field)?;
    }
    Ok(market)
}

/// The outcomes of a market that was read before; they are passed over where none can be among the least.
pub fn sampled<'v>(reader: &mut Reader<'v>, least: &mut Least<'v>) -> Usual<()> {
    let mut outcomes = Vec::new();
    let has_room = least.has_room();
    let market = market(reader, |_| has_room, &mut outcomes)?;
    let qualifier = market.qualifier.unwrap_or_default();
    if !least.may_hold(&qualifier) {
        return Ok(());
    }
    if let Some(place) = &market.outcomes {
        outcomes_of(&mut reader.at(place), &mut outcomes)?;
    }
    for outcome in outcomes {
        if has_many_decimals(outcome.odds) {
            return Err(Unusual);
        }
        let odds = odds(outcome.odds);
        least.take(Sampled { qualifier: qualifier.clone(), label: outcome.label, odds });
    }
    Ok(())
}

/// Whether a market is suspended: anything but 0.
fn status(number: &str) -> Usual<bool> {
    let is_usual = number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_usual { Ok(number != "0") } else { Err(Unusual) }
}

#[derive(Clone, Copy)]
enum OutcomeField {
    Id,
    Desc,
    Odds,
    IsActive,
    Other,
}

fn outcome_field(name: &[u8]) -> OutcomeField {
    match name {
        b"id" => OutcomeField::Id,
        b"desc" => OutcomeField::Desc,
        b"odds" => OutcomeField::Odds,
        b"isActive" => OutcomeField::IsActive,
        _ => OutcomeField::Other,
    }
}

struct Outcome<'v> {
    id: Option<&'v str>,
    label: Cow<'v, str>,
    odds: &'v str,
    is_active: bool,
}

fn outcomes_of<'v>(reader: &mut Reader<'v>, into: &mut Vec<Outcome<'v>>) -> Usual<()> {
    into.clear();
    let mut next = reader.first_item()?;
    while next {
        let (mut id, mut label, mut odds, mut is_active) = (None, None, None, true);
        let mut once = Once::default();
        let mut field = reader.first_field(outcome_field)?;
        while let Some(met) = field {
            once.check(met as u8, OutcomeField::Other as u8)?;
            match met {
                OutcomeField::Id => id = reader.plain_or_null()?,
                OutcomeField::Desc => label = Some(reader.text()?),
                OutcomeField::Odds => odds = reader.plain_or_null()?,
                OutcomeField::IsActive => is_active = flag(reader.number()?)?,
                OutcomeField::Other => reader.pass()?,
            }
            field = reader.next_field(outcome_field)?;
        }
        let label = label.ok_or(Unusual)?;
        into.push(Outcome { id, label, odds: odds.unwrap_or_default(), is_active });
        next = reader.next_item()?;
    }
    Ok(())
}

/// False when one that is active has no usable odds.
fn priced<'v>(outcomes: &mut Vec<Outcome<'v>>, is_closed: bool, into: &mut Vec<Selection<'v>>) -> bool {
    into.clear();
    for Outcome { id, label, odds, is_active } in outcomes.drain(..) {
        let price = if is_active && !is_closed {
            Price::offered(odds, odds.is_empty() || is_exactly('0', odds) || is_exactly('1', odds))
        } else {
            closed(odds)
        };
        let Some(price) = price else { return false };
        into.push(Selection { label, shown_line: None, id, side: Side::NotSaid, price });
    }
    true
}

fn flag(number: &str) -> Usual<bool> {
    match number {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Unusual),
    }
}
