//! JSON, scanned strictly and once: where its values are, not what they mean.

use crate::unusual::{Unusual, Usual};

/// Objects and lists within each other; deeper ones are left to others.
const DEEPEST: u32 = 128;
/// Within them a number is none beyond a double, which others refuse wherever it stands.
const LONGEST_NUMBER: usize = 100;
const MOST_EXPONENT_DIGITS: usize = 2;
const WORD: usize = size_of::<u64>();

pub struct Scanner<'v> {
    text: &'v str,
    at: usize,
}

/// A text without its quotation marks.
#[derive(Clone, Copy)]
pub struct Quoted<'v> {
    pub raw: &'v str,
    pub has_escapes: bool,
}

impl<'v> Scanner<'v> {
    pub fn new(text: &'v str, at: usize) -> Self {
        Self { text, at }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    fn byte(&self, at: usize) -> Usual<u8> {
        self.text.as_bytes().get(at).copied().ok_or(Unusual)
    }

    /// The first byte of what comes next.
    pub fn peek(&mut self) -> Usual<u8> {
        loop {
            match self.byte(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Ok(byte),
            }
        }
    }

    pub fn end(&mut self) -> Usual<()> {
        match self.peek() {
            Err(Unusual) => Ok(()),
            Ok(_) => Err(Unusual),
        }
    }

    fn pass(&mut self, expected: u8) -> Usual<()> {
        if self.peek()? != expected {
            return Err(Unusual);
        }
        self.at += 1;
        Ok(())
    }

    /// The first key of an object, up to its value.
    pub fn first_key(&mut self) -> Usual<Option<Quoted<'v>>> {
        self.pass(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(None);
        }
        self.key().map(Some)
    }

    pub fn next_key(&mut self) -> Usual<Option<Quoted<'v>>> {
        let found = self.peek()?;
        self.at += 1;
        match found {
            b',' => self.key().map(Some),
            b'}' => Ok(None),
            _ => Err(Unusual),
        }
    }

    pub fn key(&mut self) -> Usual<Quoted<'v>> {
        let key = self.string()?;
        self.pass(b':')?;
        Ok(key)
    }

    /// Whether a list has a first item.
    pub fn first_item(&mut self) -> Usual<bool> {
        self.pass(b'[')?;
        let is_there = self.peek()? != b']';
        self.at += usize::from(!is_there);
        Ok(is_there)
    }

    pub fn next_item(&mut self) -> Usual<bool> {
        let found = self.peek()?;
        self.at += 1;
        match found {
            b',' => Ok(true),
            b']' => Ok(false),
            _ => Err(Unusual),
        }
    }

    pub fn string(&mut self) -> Usual<Quoted<'v>> {
        self.pass(b'"')?;
        let begin = self.at;
        let mut has_escapes = false;
        loop {
            self.at = self.special(self.at);
            match self.byte(self.at)? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    (_, self.at) = escape(self.text.as_bytes(), self.at)?;
                }
                _ => return Err(Unusual), // a control character
            }
        }
        self.at += 1;
        Ok(Quoted { raw: &self.text[begin..self.at - 1], has_escapes })
    }

    /// Where the next quotation mark, backslash or control character stands, eight bytes at a time.
    fn special(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        while let Some(word) = bytes.get(at..at + WORD) {
            let word = u64::from_le_bytes(word.try_into().expect("it is as long as a word"));
            let found = below(word, b' ') | equal(word, b'"') | equal(word, b'\\');
            if found != 0 {
                return at + found.trailing_zeros() as usize / 8;
            }
            at += WORD;
        }
        while bytes.get(at).is_some_and(|&byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            at += 1;
        }
        at
    }

    pub fn number(&mut self) -> Usual<&'v str> {
        self.peek()?;
        let begin = self.at;
        self.at += usize::from(self.byte(self.at)? == b'-');
        if self.byte(self.at)? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte(self.at).is_ok_and(|byte| byte == b'.') {
            self.at += 1;
            self.digits()?;
        }
        if self.byte(self.at).is_ok_and(|byte| byte | 0x20 == b'e') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(self.at)?, b'+' | b'-'));
            if self.digits()? > MOST_EXPONENT_DIGITS {
                return Err(Unusual);
            }
        }
        if self.at - begin > LONGEST_NUMBER { Err(Unusual) } else { Ok(&self.text[begin..self.at]) }
    }

    /// How many digits come next: at least one.
    fn digits(&mut self) -> Usual<usize> {
        let begin = self.at;
        while self.byte(self.at).is_ok_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == begin { Err(Unusual) } else { Ok(self.at - begin) }
    }

    /// Passes over `null`, `true` or `false`.
    pub fn word(&mut self, word: &str) -> Usual<()> {
        self.peek()?;
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(Unusual);
        }
        self.at = end;
        Ok(())
    }

    /// Passes over a value of any kind.
    pub fn skip(&mut self) -> Usual<()> {
        let (mut depth, mut objects) = (0, 0_u128);
        loop {
            let is_object = match self.peek()? {
                b'{' => self.first_key()?.map(|_| true),
                b'[' => self.first_item()?.then_some(false),
                _ => {
                    self.scalar()?;
                    None
                }
            };
            if let Some(is_object) = is_object {
                if depth == DEEPEST {
                    return Err(Unusual);
                }
                objects = objects << 1 | u128::from(is_object);
                depth += 1;
                continue;
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let goes_on = if objects & 1 == 1 { self.next_key()?.is_some() } else { self.next_item()? };
                if goes_on {
                    break;
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    fn scalar(&mut self) -> Usual<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// The high bit of each byte of a word that is below `bound`, which is ASCII; beyond the first one found there
/// may be others that are not.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGH
}

fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// The character that an escape stands for, and where the escape ends. No half of a pair is one.
fn escape(bytes: &[u8], at: usize) -> Usual<(char, usize)> {
    let simple = |character| Ok((character, at + 2));
    match bytes.get(at + 1).ok_or(Unusual)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => {
            let high = hexadecimal(bytes, at + 2)?;
            if let Some(character) = char::from_u32(high) {
                return Ok((character, at + 6));
            }
            if bytes.get(at + 6..at + 8) != Some(b"\\u") {
                return Err(Unusual);
            }
            let low = hexadecimal(bytes, at + 8)?;
            if !(0xD800..0xDC00).contains(&high) || !(0xDC00..0xE000).contains(&low) {
                return Err(Unusual);
            }
            let character = char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            Ok((character.ok_or(Unusual)?, at + 12))
        }
        _ => Err(Unusual),
    }
}

fn hexadecimal(bytes: &[u8], at: usize) -> Usual<u32> {
    let digits = bytes.get(at..at + 4).ok_or(Unusual)?;
    digits.iter().try_fold(0, |number, &digit| {
        let digit = char::from(digit).to_digit(16).ok_or(Unusual)?;
        Ok(number << 4 | digit)
    })
}

/// A text with its escapes resolved; they are good.
pub fn unescaped(raw: &str) -> Usual<String> {
    let mut text = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(next) = raw[at..].find('\\') {
        text.push_str(&raw[at..at + next]);
        let (character, end) = escape(raw.as_bytes(), at + next)?;
        text.push(character);
        at = end;
    }
    text.push_str(&raw[at..]);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_json(text: &str) -> bool {
        let mut scanner = Scanner::new(text, 0);
        scanner.skip().is_ok() && scanner.end().is_ok()
    }

    #[test]
    fn what_is_json_is_passed_over() {
        for text in [
            "0",
            "-0",
            "-1.50e+10",
            "1E2",
            " true ",
            "false",
            "null",
            "\"\"",
            "[]",
            "{}",
            "[[],{},[1,2]]",
            "{\"a\":{\"b\":[null,true]},\"c\":\"\"}",
            "\"a longer text, with \\\"marks\\\" and \\u00e9 and \\ud83d\\ude00\"",
            "\t{ \"a\" : [ 1 , 2 ] }\r\n",
        ] {
            assert!(is_json(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_not() {
        for text in [
            "",
            " ",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e+",
            "NaN",
            "Infinity",
            "tru",
            "nul",
            "nulL",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"a\nb\"",
            "\"a text of more than a word\t\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,]",
            "[1 2]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{a:1}",
            "{1:2}",
            "{\"a\" 1}",
            "{\"a\":1]",
            "[1}",
            "1 2",
            "[] []",
            "\u{feff}1",
            "1\u{a0}",
            "1e100", // a double might not hold it
        ] {
            assert!(!is_json(text), "{text:?}");
        }
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands_in_a_word() {
        for filler in ["a", "é", "\u{7f}", "!", "#", "[", "]"] {
            for before in 0..20 {
                for special in ['"', '\\', '\u{1f}', '\0', '\n'] {
                    let text = format!("{}{special}{}", filler.repeat(before), filler.repeat(9));
                    let at = Scanner::new(&text, 0).special(0);
                    assert_eq!(at, filler.len() * before, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn an_escape_is_the_character_that_it_stands_for() {
        let raw = r#"\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00 é"#;
        assert_eq!(unescaped(raw).ok().as_deref(), Some("\"\\/\u{8}\u{c}\n\r\té😀 é"));
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_json(&nested(128)));
        assert!(!is_json(&nested(129)));
    }
}
