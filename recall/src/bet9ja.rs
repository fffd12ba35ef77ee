//! Bet9ja: a flat object of keys to odds; the keys of one market and param are one row.

use std::borrow::Cow;
use std::ops::Range;

use crate::known::{Known, Map, Platform, Side};
use crate::least::{Least, Sampled};
use crate::odds::{Price, is_exactly};
use crate::reader::Reader;
use crate::row::{Found, Selection, Sorted, sort};
use crate::unusual::{Unusual, Usual};

pub struct Entry<'v> {
    key: &'v str,
    /// How much of the key comes before the outcome: market and param.
    before: usize,
    /// None where it takes more to read it.
    price: Option<Price<'v>>,
    place: Range<usize>,
}

impl<'v> Entry<'v> {
    fn before(&self) -> &'v str {
        &self.key[..self.before]
    }
}

/// A market's name by its id.
pub type MarketNames<'v> = Map<&'v str, Cow<'v, str>>;

pub fn rows<'v, 'k>(
    entries: &[Entry<'v>],
    known: &'k Known,
    found: &mut Found<'v, 'k>,
    names: &MarketNames<'v>,
) -> Usual<()> {
    let mut selections = Vec::new();
    for row in grouped(entries) {
        let (id, qualifier) = row[0].before().split_once('@').unwrap_or((row[0].before(), ""));
        let name = names.get(id).filter(|name| !name.is_empty()).map(Cow::as_ref);
        let places = || row.iter().map(|entry| entry.place.clone());
        let sorted = sort(known, Platform::Bet9ja, id, qualifier);
        if !matches!(sorted, Sorted::Market(_)) && !are_distinct(&row) {
            return Err(Unusual); // of a market, one outcome would be named twice
        }
        match sorted {
            Sorted::Unknown => found.unknown(id, name, places())?,
            Sorted::NotMapped(id, reason) => found.miss(id, reason, name, places())?,
            Sorted::Strange => found.aside.extend(places()),
            Sorted::Market(market) => {
                found.read_from(places());
                if !selections_of(&row, &mut selections) || !found.take(market, &selections) {
                    found.aside.extend(places());
                }
            }
        }
    }
    Ok(())
}

/// The entries of each row, in no certain order of rows.
fn grouped<'e, 'v>(entries: &'e [Entry<'v>]) -> impl Iterator<Item = Vec<&'e Entry<'v>>> {
    let mut rows: Map<&str, Vec<&Entry>> = Map::default();
    for entry in entries {
        rows.entry(entry.before()).or_default().push(entry);
    }
    rows.into_values()
}

fn are_distinct(row: &[&Entry]) -> bool {
    let mut keys: Vec<&str> = row.iter().map(|entry| entry.key).collect();
    keys.sort_unstable();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

/// False where the price of one takes more to read.
fn selections_of<'v>(row: &[&Entry<'v>], into: &mut Vec<Selection<'v>>) -> bool {
    into.clear();
    for entry in row {
        let Some(price) = entry.price else { return false };
        let label = Cow::Borrowed(&entry.key[entry.before + 1..]);
        into.push(Selection { label, shown_line: None, id: None, side: Side::NotSaid, price });
    }
    true
}

pub fn entries<'v>(reader: &mut Reader<'v>, longest_key: usize) -> Usual<Vec<Entry<'v>>> {
    let mut entries = Vec::new();
    let mut next = reader.first_key()?;
    while let Some(key) = next {
        let before = before_outcome(key, longest_key).ok_or(Unusual)?;
        let begin = reader.place_of(key);
        let price = price(reader)?;
        entries.push(Entry { key, before, price, place: begin..reader.place() });
        next = reader.next_key()?;
    }
    Ok(entries)
}

/// The outcome of an entry that was read before.
pub fn sampled<'v>(reader: &mut Reader<'v>, longest_key: usize, least: &mut Least<'v>) -> Usual<()> {
    let key = reader.key()?;
    let before = before_outcome(key, longest_key).ok_or(Unusual)?;
    let (_, qualifier) = key[..before].split_once('@').unwrap_or((key, ""));
    let odds = match price(reader)?.ok_or(Unusual)? {
        Price::Active(odds) => Some(odds),
        Price::Closed(odds) => odds,
    };
    least.take(Sampled { qualifier: qualifier.into(), label: key[before + 1..].into(), odds });
    Ok(())
}

/// How much of `([A-Z]+_[A-Z0-9-]+(?:@(?!\+)[^_@]+)?)_.+` comes before the last underscore; None for a key that is
/// not of this form.
fn before_outcome(key: &str, longest: usize) -> Option<usize> {
    if key.len() > longest {
        return None;
    }
    let (prefix, rest) = key.split_once('_')?;
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let market = rest.bytes().position(|byte| !is_of_market(byte))?;
    let param = match rest.as_bytes()[market] {
        b'_' => 0,
        b'@' if rest[market + 1..].starts_with('+') => return None,
        b'@' => 1 + rest[market + 1..].find(['_', '@'])?,
        _ => return None,
    };
    let before = prefix.len() + 1 + market + param;
    let is_whole = market > 0 && param != 1 && key.as_bytes()[before] == b'_' && key.len() > before + 1;
    is_whole.then_some(before)
}

fn is_of_market(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-'
}

/// A value, which in play is an object that holds it.
fn price<'v>(reader: &mut Reader<'v>) -> Usual<Option<Price<'v>>> {
    if reader.peek()? != b'{' {
        return plain_price(reader);
    }
    let begin = reader.place();
    if reader.first_key()? == Some("v") && reader.peek()? != b'{' {
        let price = plain_price(reader)?;
        if reader.next_key()?.is_none() {
            return Ok(price);
        }
    }
    reader.go_back(begin);
    reader.skip()?;
    Ok(None)
}

fn plain_price<'v>(reader: &mut Reader<'v>) -> Usual<Option<Price<'v>>> {
    let text = match reader.peek()? {
        b'"' => match reader.text()? {
            Cow::Borrowed(text) => text,
            Cow::Owned(_) => return Ok(None),
        },
        b'-' | b'0'..=b'9' => reader.number()?,
        b'n' => {
            reader.is_null()?;
            return Ok(Some(Price::Closed(None)));
        }
        _ => {
            reader.skip()?;
            return Ok(None);
        }
    };
    Ok(Price::offered(text, matches!(text, "" | "-") || is_exactly('1', text)))
}

#[cfg(test)]
mod tests {
    use super::before_outcome;

    #[test]
    fn a_key_ends_its_market_at_the_first_underscore_after_the_prefix() {
        for (key, expected) in [
            ("S_1X2_1", Some("S_1X2")),
            ("S_1X2_1ANDGG", None),
            ("S_OU@2.5_O", Some("S_OU@2.5")),
            ("B_1X2_X_Y", Some("B_1X2")),
            ("S_OU@é_O", Some("S_OU@é")),
            ("S_OU@_O", None),
            ("S_OU@2@3_O", None),
            ("S_OU@2.5_", None),
            ("S_OU@2.5", None),
            ("S_OU", None),
            ("S__1", None),
            ("S_ou_1", None),
            ("X_OU_1", Some("X_OU")),
            ("x_OU_1", None),
            ("_OU_1", None),
            ("S_A@+1_1", None),
            ("S_A@-1_1", Some("S_A@-1")),
            ("", None),
        ] {
            assert_eq!(before_outcome(key, 10).map(|end| &key[..end]), expected, "{key:?}");
        }
    }
}
