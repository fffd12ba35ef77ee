//! Prices, as `worker/domain/books/odds.py` reads and writes them.

/// What an outcome costs: the digits that are published. A closed one may have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price<'v> {
    Active(&'v str),
    Closed(Option<&'v str>),
}

impl<'v> Price<'v> {
    /// The price of an outcome that is on offer: none where the bookmaker says that there is none. None for odds
    /// that are no price in any way.
    pub fn offered(text: &'v str, is_no_price: bool) -> Option<Self> {
        if is_no_price { Some(Price::Closed(None)) } else { odds(text).map(Price::Active) }
    }

    /// The same price of an outcome that is suspended by what is above it.
    pub fn closed(self) -> Self {
        match self {
            Price::Active(odds) => Price::Closed(Some(odds)),
            Price::Closed(_) => self,
        }
    }

    /// As JSON has it inside of an object.
    pub fn write(self, out: &mut String) {
        out.push_str("\"odds\":");
        match self {
            Price::Active(odds) | Price::Closed(Some(odds)) => out.push_str(odds),
            Price::Closed(None) => out.push_str("null"),
        }
        out.push_str(match self {
            Price::Active(_) => ",\"active\":true",
            Price::Closed(_) => ",\"active\":false",
        });
    }
}

/// The price of an outcome that is closed; None for more decimals than are certain to come out as they went in.
pub fn closed(text: &str) -> Option<Price<'_>> {
    if has_many_decimals(text) { None } else { Some(Price::Closed(odds(text))) }
}

/// Whether there are too many decimals to read them without a double.
pub fn has_many_decimals(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 8)
}

/// Decimal odds greater than 1, without the zeros at their end; up to seven digits and eight decimals.
///
/// So many digits come out of a double as they went in, which is why none is made here.
pub fn odds(text: &str) -> Option<&str> {
    let digits = is_decimal(text)?;
    let (whole, decimals) = (&text[..digits], text.get(digits + 1..).unwrap_or("").trim_end_matches('0'));
    match decimals {
        "" if whole == "1" => None,
        "" => Some(whole),
        _ => Some(&text[..digits + 1 + decimals.len()]),
    }
}

/// How many digits are before the point of `[1-9]\d{0,6}(\.\d{1,8})?`.
fn is_decimal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let whole = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    if !(1..=7).contains(&whole) || bytes[0] == b'0' {
        return None;
    }
    match bytes.get(whole) {
        None => Some(whole),
        Some(b'.') => {
            let decimals = &bytes[whole + 1..];
            let fits = (1..=8).contains(&decimals.len()) && decimals.iter().all(u8::is_ascii_digit);
            fits.then_some(whole)
        }
        Some(_) => None,
    }
}

/// Whether a number as JSON has it is a plain decimal of at most 1: a price that is closed may say 0.0.
pub fn is_at_most_one(number: &str) -> bool {
    let is_below = number.strip_prefix('0').is_some_and(|rest| match rest.strip_prefix('.') {
        None => rest.is_empty(),
        Some(decimals) => decimals.len() <= 8 && decimals.bytes().all(|byte| byte.is_ascii_digit()),
    });
    is_below || is_exactly('1', number)
}

/// Whether a text is 0, or 1, with up to eight zeros behind the point: that there is no price.
pub fn is_exactly(digit: char, text: &str) -> bool {
    text.strip_prefix(digit).is_some_and(|rest| match rest.strip_prefix('.') {
        None => rest.is_empty(),
        Some(zeros) => zeros.len() <= 8 && all_zeros(zeros),
    })
}

fn all_zeros(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_lose_their_last_zeros_and_nothing_else() {
        for (text, expected) in [
            ("1.50", Some("1.5")),
            ("2.00", Some("2")),
            ("10", Some("10")),
            ("100.0", Some("100")),
            ("9999999.99999999", Some("9999999.99999999")),
            ("1.00000001", Some("1.00000001")),
            ("1", None),
            ("1.000", None),
            ("0.5", None),
            ("01.5", None),
            ("1.", None),
            (".5", None),
            ("+1.5", None),
            ("1.5 ", None),
            ("1e1", None),
            ("12345678", None),
            ("1.123456789", None),
            ("", None),
        ] {
            assert_eq!(odds(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_and_the_stake_alone_are_no_price_however_many_zeros_are_behind_the_point() {
        for (digit, text) in [('1', "1"), ('1', "1.0"), ('1', "1.00000000"), ('0', "0"), ('0', "0.00")] {
            assert!(is_exactly(digit, text), "{text:?}");
        }
        for text in ["1.", "10", "1.000000000", "1.01", "1.1", "", "0", "0.0", "01"] {
            assert!(!is_exactly('1', text), "{text:?}");
        }
    }
}
