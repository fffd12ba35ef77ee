//! BetPawa: one object a market type, with rows of prices; those of one line may be spread over several.
//!
//! A market is left aside as a whole: its rows may have a line in common.

use std::borrow::Cow;

use crate::known::{Known, Platform, Side};
use crate::odds::{Price, closed, is_at_most_one, is_exactly, odds};
use crate::once::Once;
use crate::reader::Reader;
use crate::row::{Found, Selection, Sorted, sort};
use crate::unusual::{Unusual, Usual};

const NULL: &str = "null";
/// A market of players has a row for each of them: two squads of up to 40 in a list, and each of them twice, is as
/// many as this. The rows of one line are looked for among all, so time grows with the square of their number: 256
/// rows with a line each take 32,640 comparisons of short texts. What is remembered of a row does not grow with it:
/// there are up to `MOST_LABELS` labels, and players up to a number of bytes.
const MOST_ROWS: usize = 256;

/// A line as a row writes it: its handicap, its specifier and its formatted handicap, as JSON.
pub type WrittenLine<'v> = (&'v str, &'v str, &'v str);

#[derive(Default)]
struct Market<'v> {
    id: Option<Cow<'v, str>>,
    name: Option<Cow<'v, str>>,
    title: Option<Cow<'v, str>>,
    is_suspended: bool,
    rows: Vec<Row<'v>>,
}

struct Row<'v> {
    written: WrittenLine<'v>,
    is_suspended: bool,
    prices: Vec<Seen<'v>>,
}

struct Seen<'v> {
    label: Cow<'v, str>,
    shown_line: Option<Cow<'v, str>>,
    /// The key that its specifier has its line under.
    key: Option<&'v str>,
    id: Option<&'v str>,
    side: Side,
    /// None where it takes more to read it.
    price: Option<Price<'v>>,
}

/// Reads `markets`; lines that were never met go to `lines`.
pub fn read<'v, 'k>(
    reader: &mut Reader<'v>,
    known: &'k Known,
    found: &mut Found<'v, 'k>,
    lines: &mut Vec<WrittenLine<'v>>,
) -> Usual<()> {
    let mut selections = Vec::new();
    let mut next = reader.first_item()?;
    while next {
        reader.peek()?;
        let begin = reader.place();
        let market = market(reader, found.rules.limits.longest_shown_line)?;
        let place = begin..reader.place();
        let id = market.id.as_deref().filter(|id| !id.is_empty()).ok_or(Unusual)?;
        let name = [&market.name, &market.title].into_iter().flatten().find(|name| !name.is_empty());
        if matches!(sort(known, Platform::Betpawa, id, ""), Sorted::Unknown) {
            found.unknown(id, name.map(Cow::as_ref), [place])?;
        } else {
            let before = found.mark();
            found.read_from([place.clone()]);
            let strange =
                market.rows.iter().map(|row| row.written).filter(|line| line_of(known, line).is_none());
            let strangers = lines.len();
            lines.extend(strange);
            if lines.len() > strangers
                || !take(market.rows, market.is_suspended, id, known, found, &mut selections)
            {
                found.reset(&before);
                found.aside.push(place);
            }
        }
        next = reader.next_item()?;
    }
    Ok(())
}

/// The line of a row; "" where there is none.
fn line_of<'k>(known: &'k Known, written: &WrittenLine) -> Option<&'k str> {
    match written {
        (NULL, NULL, NULL) => Some(""),
        (handicap, specifier, formatted) => known.line(handicap, specifier, formatted),
    }
}

/// Takes all rows; false when one of them is not known.
fn take<'v, 'k>(
    mut rows: Vec<Row<'v>>,
    is_suspended: bool,
    id: &str,
    known: &'k Known,
    found: &mut Found<'v, 'k>,
    selections: &mut Vec<Selection<'v>>,
) -> bool {
    if rows.len() > MOST_ROWS {
        return false;
    }
    let Some(lines) = rows.iter().map(|row| line_of(known, &row.written)).collect::<Option<Vec<_>>>() else {
        return false;
    };
    for at in 0..rows.len() {
        let line = lines[at];
        if lines[..at].contains(&line) {
            continue; // it went with that one
        }
        selections.clear();
        for (row, of_row) in rows[at..].iter_mut().zip(&lines[at..]) {
            if *of_row != line {
                continue;
            }
            let is_closed = is_suspended || row.is_suspended;
            for seen in row.prices.drain(..) {
                let Some(price) = seen.price else { return false };
                if seen.key.is_some_and(|key| !is_under(line, key)) {
                    return false;
                }
                let price = if is_closed { price.closed() } else { price };
                let Seen { label, shown_line, id, side, .. } = seen;
                selections.push(Selection { label, shown_line, id, side, price });
            }
        }
        let is_taken = match sort(known, Platform::Betpawa, id, line) {
            Sorted::Market(market) => found.take(market, selections),
            Sorted::Strange if known.is_of_players(Platform::Betpawa, id) => {
                found.take_players(known, Platform::Betpawa, id, line, selections)
            }
            _ => false,
        };
        if !is_taken {
            return false;
        }
    }
    !rows.is_empty()
}

/// Whether a row's line is written under this key.
fn is_under(line: &str, key: &str) -> bool {
    line.strip_suffix(key).is_some_and(|number| number.ends_with(' '))
}

#[derive(Clone, Copy)]
enum Field {
    MarketType,
    Row,
    Suspended,
    Other,
}

fn field(name: &[u8]) -> Field {
    match name {
        b"marketType" => Field::MarketType,
        b"row" => Field::Row,
        b"suspended" => Field::Suspended,
        _ => Field::Other,
    }
}

fn market<'v>(reader: &mut Reader<'v>, longest_shown_line: usize) -> Usual<Market<'v>> {
    let mut market = Market::default();
    let mut once = Once::default();
    let mut next = reader.first_field(field)?;
    while let Some(known) = next {
        once.check(known as u8, Field::Other as u8)?;
        match known {
            Field::MarketType => market_type(reader, &mut market)?,
            Field::Row => {
                let mut row = reader.first_item()?;
                while row {
                    market.rows.push(layout_row(reader, longest_shown_line)?);
                    row = reader.next_item()?;
                }
            }
            Field::Suspended => market.is_suspended = reader.flag_or_null()? == Some(true),
            Field::Other => reader.pass()?,
        }
        next = reader.next_field(field)?;
    }
    Ok(market)
}

#[derive(Clone, Copy)]
enum TypeField {
    Id,
    Name,
    DisplayName,
    Other,
}

fn type_field(name: &[u8]) -> TypeField {
    match name {
        b"id" => TypeField::Id,
        b"name" => TypeField::Name,
        b"displayName" => TypeField::DisplayName,
        _ => TypeField::Other,
    }
}

fn market_type<'v>(reader: &mut Reader<'v>, market: &mut Market<'v>) -> Usual<()> {
    let mut once = Once::default();
    let mut next = reader.first_field(type_field)?;
    while let Some(known) = next {
        once.check(known as u8, TypeField::Other as u8)?;
        match known {
            TypeField::Id => market.id = Some(reader.text()?),
            TypeField::Name => market.name = reader.text_or_null()?,
            TypeField::DisplayName => market.title = reader.text_or_null()?,
            TypeField::Other => reader.pass()?,
        }
        next = reader.next_field(type_field)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum RowField {
    Suspended,
    Handicap,
    Specifier,
    Formatted,
    Prices,
    Other,
}

fn row_field(name: &[u8]) -> RowField {
    match name {
        b"suspended" => RowField::Suspended,
        b"handicap" => RowField::Handicap,
        b"specifier" => RowField::Specifier,
        b"formattedHandicap" => RowField::Formatted,
        b"prices" => RowField::Prices,
        _ => RowField::Other,
    }
}

fn layout_row<'v>(reader: &mut Reader<'v>, longest_shown_line: usize) -> Usual<Row<'v>> {
    let mut row = Row { written: (NULL, NULL, NULL), is_suspended: false, prices: Vec::new() };
    let mut once = Once::default();
    let mut next = reader.first_field(row_field)?;
    while let Some(known) = next {
        once.check(known as u8, RowField::Other as u8)?;
        match known {
            RowField::Suspended => row.is_suspended = reader.flag_or_null()? == Some(true),
            RowField::Handicap => row.written.0 = if reader.is_null()? { NULL } else { reader.number()? },
            RowField::Specifier => row.written.1 = specifier(reader)?,
            RowField::Formatted => row.written.2 = text_as_written(reader)?,
            RowField::Prices => {
                let mut price = reader.first_item()?;
                while price {
                    row.prices.push(seen(reader, longest_shown_line)?);
                    price = reader.next_item()?;
                }
            }
            RowField::Other => reader.pass()?,
        }
        next = reader.next_field(row_field)?;
    }
    Ok(row)
}

fn text_as_written<'v>(reader: &mut Reader<'v>) -> Usual<&'v str> {
    match reader.peek()? {
        b'n' | b'"' => {
            let place = reader.skip()?;
            Ok(reader.written(&place))
        }
        _ => Err(Unusual),
    }
}

fn specifier<'v>(reader: &mut Reader<'v>) -> Usual<&'v str> {
    match reader.peek()? {
        b'n' | b'{' => {
            let place = reader.skip()?;
            Ok(reader.written(&place))
        }
        _ => Err(Unusual),
    }
}

#[derive(Clone, Copy)]
enum PriceField {
    Name,
    Handicap,
    Specifier,
    Price,
    Odds,
    Suspended,
    TypeId,
    Team,
    Other,
}

fn price_field(name: &[u8]) -> PriceField {
    match name {
        b"name" => PriceField::Name,
        b"handicap" => PriceField::Handicap,
        b"specifier" => PriceField::Specifier,
        b"price" => PriceField::Price,
        b"odds" => PriceField::Odds,
        b"suspended" => PriceField::Suspended,
        b"typeId" => PriceField::TypeId,
        b"team" => PriceField::Team,
        _ => PriceField::Other,
    }
}

/// A value of odds.
#[derive(Clone, Copy)]
enum Token<'v> {
    Null,
    Text(&'v str),
    Number(&'v str),
}

fn token<'v>(reader: &mut Reader<'v>) -> Usual<Token<'v>> {
    Ok(match reader.peek()? {
        b'n' | b'"' => reader.plain_or_null()?.map_or(Token::Null, Token::Text),
        _ => Token::Number(reader.number()?),
    })
}

fn seen<'v>(reader: &mut Reader<'v>, longest_shown_line: usize) -> Usual<Seen<'v>> {
    let (mut label, mut shown_line, mut is_active) = (None, None, true);
    let (mut older, mut newer) = (Token::Null, Token::Null);
    let (mut specifier, mut id, mut has_odd_id, mut side) = (None, None, false, Side::NotSaid);
    let mut once = Once::default();
    let mut next = reader.first_field(price_field)?;
    while let Some(known) = next {
        once.check(known as u8, PriceField::Other as u8)?;
        match known {
            PriceField::Name => label = Some(reader.text()?),
            PriceField::Handicap => shown_line = reader.text_or_null()?,
            PriceField::Specifier => specifier = price_specifier(reader)?,
            PriceField::Price => older = token(reader)?,
            PriceField::Odds => newer = token(reader)?,
            PriceField::Suspended => is_active = reader.flag_or_null()? != Some(true),
            PriceField::TypeId => match reader.peek()? {
                b'n' | b'"' => id = reader.plain_or_null()?,
                _ => {
                    reader.pass()?;
                    has_odd_id = true;
                }
            },
            PriceField::Team => side = team(reader)?,
            PriceField::Other => reader.pass()?,
        }
        next = reader.next_field(price_field)?;
    }
    if shown_line.as_ref().is_some_and(|shown_line| shown_line.len() > longest_shown_line) {
        return Err(Unusual);
    }
    let mut shown_line = shown_line.filter(|shown_line| !shown_line.is_empty());
    let mut price = price(older, newer, is_active).filter(|_| !has_odd_id);
    if let Some((_, specifier)) = specifier {
        match &shown_line {
            None if specifier.len() <= longest_shown_line => shown_line = Some(Cow::Borrowed(specifier)),
            Some(shown_line) if shown_line == specifier => {}
            _ => price = None,
        }
    }
    let key = specifier.map(|(key, _)| key);
    Ok(Seen { label: label.ok_or(Unusual)?, shown_line, key, id, side, price })
}

/// The side of a price's team. Only rows of players depend on it.
fn team(reader: &mut Reader) -> Usual<Side> {
    let place = reader.skip()?;
    Ok(match reader.written(&place) {
        NULL => Side::NotSaid,
        "1" => Side::Home,
        "2" => Side::Away,
        _ => Side::Odd,
    })
}

/// The specifier of a price: its only key, and the value, a text. Anything else is unusual.
fn price_specifier<'v>(reader: &mut Reader<'v>) -> Usual<Option<(&'v str, &'v str)>> {
    if reader.is_null()? {
        return Ok(None);
    }
    let key = reader.first_key()?.ok_or(Unusual)?;
    let value = reader.plain_or_null()?.filter(|value| !value.is_empty());
    if reader.next_key()?.is_some() { Err(Unusual) } else { Ok(value.map(|value| (key, value))) }
}

/// The one of the two fields that is there; a number that is no plain decimal takes more to read.
fn price<'v>(older: Token<'v>, newer: Token<'v>, is_active: bool) -> Option<Price<'v>> {
    let text = match (older, newer) {
        (Token::Null, Token::Null) => return Some(Price::Closed(None)),
        (Token::Null, Token::Text(text)) | (Token::Text(text), Token::Null) => text,
        (Token::Null, Token::Number(text)) | (Token::Number(text), Token::Null) => {
            if odds(text).is_none() && !is_at_most_one(text) {
                return None;
            }
            text
        }
        _ => return None,
    };
    if is_active {
        Price::offered(text, is_exactly('0', text) || is_exactly('1', text))
    } else {
        closed(text)
    }
}
