//! Values of the types that the books usually send, one after the other.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::{Quoted, Scanner, unescaped};
use crate::unusual::{Unusual, Usual};

const ESCAPED_NUL: &str = "\\u0000";

/// Texts are borrowed from what is read, but for those that hold an escape.
pub struct Reader<'v> {
    text: &'v str,
    json: Scanner<'v>,
}

impl<'v> Reader<'v> {
    /// Unusual is a text that holds a NUL: no text of an observation may.
    pub fn new(value: &'v [u8]) -> Usual<Self> {
        let text = std::str::from_utf8(value).map_err(|_| Unusual)?;
        if text.contains('\\') && text.contains(ESCAPED_NUL) {
            return Err(Unusual);
        }
        Ok(Self { text, json: Scanner::new(text, 0) })
    }

    /// A reader of what begins at a place that this one returned.
    pub fn at(&self, place: &Range<usize>) -> Self {
        Self { text: self.text, json: Scanner::new(self.text, place.start) }
    }

    /// The first byte of what comes next.
    pub fn peek(&mut self) -> Usual<u8> {
        self.json.peek()
    }

    pub fn place(&self) -> usize {
        self.json.at()
    }

    pub fn go_back(&mut self, place: usize) {
        self.json.go_to(place);
    }

    /// The first field of an object, by what `of` makes of its name.
    pub fn first_field<F>(&mut self, of: impl Fn(&[u8]) -> F) -> Usual<Option<F>> {
        self.json.first_key()?.map(|key| plain(key).map(|key| of(key.as_bytes()))).transpose()
    }

    pub fn next_field<F>(&mut self, of: impl Fn(&[u8]) -> F) -> Usual<Option<F>> {
        self.json.next_key()?.map(|key| plain(key).map(|key| of(key.as_bytes()))).transpose()
    }

    pub fn first_key(&mut self) -> Usual<Option<&'v str>> {
        self.json.first_key()?.map(plain).transpose()
    }

    pub fn next_key(&mut self) -> Usual<Option<&'v str>> {
        self.json.next_key()?.map(plain).transpose()
    }

    /// A key, up to its value.
    pub fn key(&mut self) -> Usual<&'v str> {
        plain(self.json.key()?)
    }

    /// Where a text that was read, without its quotation marks, is with them.
    pub fn place_of(&self, text: &'v str) -> usize {
        text.as_ptr().addr() - self.text.as_ptr().addr() - 1
    }

    pub fn first_item(&mut self) -> Usual<bool> {
        self.json.first_item()
    }

    pub fn next_item(&mut self) -> Usual<bool> {
        self.json.next_item()
    }

    pub fn text(&mut self) -> Usual<Cow<'v, str>> {
        let quoted = self.json.string()?;
        Ok(if quoted.has_escapes { Cow::Owned(unescaped(quoted.raw)?) } else { Cow::Borrowed(quoted.raw) })
    }

    pub fn text_or_null(&mut self) -> Usual<Option<Cow<'v, str>>> {
        if self.is_null()? { Ok(None) } else { self.text().map(Some) }
    }

    /// A text without escapes, or null.
    pub fn plain_or_null(&mut self) -> Usual<Option<&'v str>> {
        if self.is_null()? { Ok(None) } else { plain(self.json.string()?).map(Some) }
    }

    pub fn flag_or_null(&mut self) -> Usual<Option<bool>> {
        match self.json.peek()? {
            b't' => self.json.word("true").map(|()| Some(true)),
            b'f' => self.json.word("false").map(|()| Some(false)),
            _ => self.json.word("null").map(|()| None),
        }
    }

    /// Passes over a null, if there is one.
    pub fn is_null(&mut self) -> Usual<bool> {
        if self.json.peek()? != b'n' {
            return Ok(false);
        }
        self.json.word("null").map(|()| true)
    }

    /// A number as it is written.
    pub fn number(&mut self) -> Usual<&'v str> {
        self.json.number()
    }

    /// Passes over a value of any kind; it is JSON.
    pub fn pass(&mut self) -> Usual<()> {
        self.json.skip()
    }

    /// The same, and returns where it is.
    pub fn skip(&mut self) -> Usual<Range<usize>> {
        self.json.peek()?;
        let begin = self.place();
        self.json.skip()?;
        Ok(begin..self.place())
    }

    pub fn written(&self, place: &Range<usize>) -> &'v str {
        &self.text[place.clone()]
    }

    pub fn end(&mut self) -> Usual<()> {
        self.json.end()
    }
}

fn plain(quoted: Quoted<'_>) -> Usual<&str> {
    if quoted.has_escapes { Err(Unusual) } else { Ok(quoted.raw) }
}
