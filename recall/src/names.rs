//! Team names in labels, as `worker/domain/labels.py` takes them for home and away.
//!
//! What is awkward there is left to it: nothing here searches for whole words.

use std::collections::{HashMap, HashSet};

use pyo3::FromPyObject;

const HOME: char = '\u{1}';
const AWAY: char = '\u{2}';

/// Between labels that are read together.
pub const SEPARATOR: char = '\0';

/// What Python knows of characters, which it may know of others than this program would: flags by code point,
/// and those whose folded case is not themselves. Of a character beyond the flags nothing is known.
pub struct Characters {
    pub flags: Vec<u8>,
    pub bits: Bits,
    pub folded: HashMap<char, String>,
}

/// The bit of a character's flags that says each of these of it.
#[derive(Clone, Copy, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Bits {
    blank: u8,
    in_words: u8,
    digit: u8,
    folds: u8,
}

impl Characters {
    fn flags(&self, character: char) -> Option<u8> {
        self.flags.get(character as usize).copied()
    }

    /// Case and blanks folded; None when it holds a character of which nothing is known.
    pub fn fold(&self, text: &str) -> Option<String> {
        let mut folded = String::with_capacity(text.len());
        let mut blank = false;
        for character in text.chars() {
            let flags = self.flags(character)?;
            if flags & self.bits.blank != 0 {
                blank = !folded.is_empty();
                continue;
            }
            if blank {
                folded.push(' ');
                blank = false;
            }
            if flags & self.bits.folds == 0 {
                folded.push(character);
            } else {
                folded.push_str(self.folded.get(&character)?);
            }
        }
        Some(folded)
    }

    fn is_in_word(&self, character: char) -> Option<bool> {
        Some(self.flags(character)? & self.bits.in_words != 0)
    }

    /// The words that tell a name from the labels of mappings: not numbers, nor GG and NG.
    fn telling_words(&self, name: &str) -> Option<Vec<String>> {
        let (mut word, mut number) = (String::new(), true);
        let mut told = Vec::new();
        for character in name.chars().chain([' ']) {
            let flags = self.flags(character)?;
            if flags & self.bits.in_words != 0 {
                word.push(character);
                number &= flags & self.bits.digit != 0;
            } else {
                if !word.is_empty() && !number && !is_yes_or_no(&word) {
                    told.push(std::mem::take(&mut word));
                }
                word.clear();
                number = true;
            }
        }
        Some(told)
    }
}

fn is_yes_or_no(word: &str) -> bool {
    word == "gg" || word == "ng"
}

/// The two names of an event, folded.
pub struct Names {
    longer: Name,
    shorter: Name,
}

struct Name {
    folded: String,
    mark: char,
    telling: Vec<String>,
}

impl Names {
    /// None when they cannot tell the sides apart, or when it takes more than replacing to tell them.
    ///
    /// `words` are those that a team cannot be named by.
    pub fn of(home: &str, away: &str, characters: &Characters, words: &HashSet<String>) -> Option<Self> {
        let [home, away] = [(home, HOME), (away, AWAY)].map(|(name, mark)| {
            let folded = characters.fold(name)?;
            let telling = characters.telling_words(&folded)?;
            let usable = !folded.is_empty() && !words.contains(&folded) && !folded.contains([HOME, AWAY]);
            usable.then_some(Name { folded, mark, telling })
        });
        let (home, away) = (home?, away?);
        if home.folded == away.folded {
            return None;
        }
        let home_is_longer = home.folded.chars().count() >= away.folded.chars().count();
        let (longer, shorter) = if home_is_longer { (home, away) } else { (away, home) };
        let ends = shorter.folded.char_indices().skip(1);
        let run_together =
            ends.map(|(at, _)| &shorter.folded[at..]).any(|end| longer.folded.starts_with(end));
        (!run_together).then_some(Self { longer, shorter })
    }

    /// Whether each name has a word that is in none of these labels, so that none of them holds the name.
    pub fn are_foreign(&self, words: &HashSet<String>) -> bool {
        [&self.longer, &self.shorter]
            .into_iter()
            .all(|name| name.telling.iter().any(|word| !words.contains(word)))
    }

    /// Labels, each with a separator behind it, with `{home}` and `{away}` for the names, folded.
    ///
    /// None when that changes nothing, and when a name may be a part of a word.
    pub fn roles(&self, labels: &str, characters: &Characters) -> Option<String> {
        let folded = characters.fold(labels)?;
        let (longer, shorter) = (&self.longer, &self.shorter);
        if folded.contains([HOME, AWAY]) {
            return None;
        }
        if !folded.contains(&longer.folded) && !folded.contains(&shorter.folded) {
            return None;
        }
        let marked = folded
            .replace(&longer.folded, longer.mark.encode_utf8(&mut [0; 4]))
            .replace(&shorter.folded, shorter.mark.encode_utf8(&mut [0; 4]));
        let mut roles = String::with_capacity(marked.len() + 64);
        let (mut before, mut before_is_mark) = (SEPARATOR, false);
        for character in marked.chars() {
            let is_mark = character == HOME || character == AWAY;
            if (is_mark && (before_is_mark || characters.is_in_word(before)?))
                || (before_is_mark && characters.is_in_word(character)?)
            {
                return None;
            }
            match character {
                HOME => roles.push_str("{home}"),
                AWAY => roles.push_str("{away}"),
                _ => roles.push(character),
            }
            (before, before_is_mark) = (character, is_mark);
        }
        (roles != folded).then_some(roles)
    }
}
