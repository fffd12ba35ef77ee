//! BetPawa: one object a market type, with rows of prices; those of one line may be spread over several.
//!
//! A market is left aside as a whole: its rows may have a line in common.

use std::borrow::Cow;

use crate::known::{Known, Platform};
use crate::odds::{Price, closed, is_at_most_one, is_exactly, odds};
use crate::once::Once;
use crate::reader::Reader;
use crate::row::{Found, Selection, Sorted, sort};
use crate::unusual::{Unusual, Usual};

const NULL: &str = "null";
/// Of more the rows of a line would have to be looked up, not looked for.
const MOST_ROWS: usize = 64;

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
    beside: Option<Cow<'v, str>>,
    id: Option<&'v str>,
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
        let market = market(reader, found.rules.limits.longest_beside)?;
        let place = begin..reader.place();
        let id = market.id.as_deref().filter(|id| !id.is_empty()).ok_or(Unusual)?;
        let name = [&market.name, &market.title].into_iter().flatten().find(|name| !name.is_empty());
        if matches!(sort(known, Platform::Betpawa, id, ""), Sorted::Unknown) {
            found.unknown(id, name.map(Cow::as_ref), [place])?;
        } else {
            let before = found.mark();
            let strange =
                market.rows.iter().map(|row| row.written).filter(|line| line_of(known, line).is_none());
            let strangers = lines.len();
            lines.extend(strange);
            if lines.len() > strangers
                || !take(market.rows, market.is_suspended, id, known, found, &mut selections)
            {
                found.reset(before);
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
    for at in 0..rows.len() {
        let Some(line) = line_of(known, &rows[at].written) else { return false };
        if rows[..at].iter().any(|row| line_of(known, &row.written) == Some(line)) {
            continue; // it went with that one
        }
        selections.clear();
        for row in &mut rows[at..] {
            if line_of(known, &row.written) != Some(line) {
                continue;
            }
            let is_closed = is_suspended || row.is_suspended;
            for seen in row.prices.drain(..) {
                let Some(price) = seen.price else { return false };
                let price = if is_closed { price.closed() } else { price };
                let Seen { label, beside, id, .. } = seen;
                selections.push(Selection { label, beside, id, price });
            }
        }
        let Sorted::Market(market) = sort(known, Platform::Betpawa, id, line) else { return false };
        if !found.take(market, selections) {
            return false;
        }
    }
    !rows.is_empty()
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

fn market<'v>(reader: &mut Reader<'v>, longest_beside: usize) -> Usual<Market<'v>> {
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
                    market.rows.push(layout_row(reader, longest_beside)?);
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

fn layout_row<'v>(reader: &mut Reader<'v>, longest_beside: usize) -> Usual<Row<'v>> {
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
                    row.prices.push(seen(reader, longest_beside)?);
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

fn seen<'v>(reader: &mut Reader<'v>, longest_beside: usize) -> Usual<Seen<'v>> {
    let (mut label, mut beside, mut is_active) = (None, None, true);
    let (mut older, mut newer) = (Token::Null, Token::Null);
    let (mut specifier, mut id, mut has_odd_id) = (None, None, false);
    let mut once = Once::default();
    let mut next = reader.first_field(price_field)?;
    while let Some(known) = next {
        once.check(known as u8, PriceField::Other as u8)?;
        match known {
            PriceField::Name => label = Some(reader.text()?),
            PriceField::Handicap => beside = reader.text_or_null()?,
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
            PriceField::Other => reader.pass()?,
        }
        next = reader.next_field(price_field)?;
    }
    if beside.as_ref().is_some_and(|beside| beside.len() > longest_beside) {
        return Err(Unusual);
    }
    let mut beside = beside.filter(|beside| !beside.is_empty());
    let mut price = price(older, newer, is_active).filter(|_| !has_odd_id);
    if let Some(specifier) = specifier {
        match &beside {
            None if specifier.len() <= longest_beside => beside = Some(Cow::Borrowed(specifier)),
            Some(beside) if beside == specifier => {}
            _ => price = None,
        }
    }
    Ok(Seen { label: label.ok_or(Unusual)?, beside, id, price })
}

/// The value in the specifier of a price: of its only key, a text. Anything else is unusual.
fn price_specifier<'v>(reader: &mut Reader<'v>) -> Usual<Option<&'v str>> {
    if reader.is_null()? {
        return Ok(None);
    }
    reader.first_key()?.ok_or(Unusual)?;
    let value = reader.plain_or_null()?.filter(|value| !value.is_empty());
    if reader.next_key()?.is_some() { Err(Unusual) } else { Ok(value) }
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
