//! What Python decides once and hands over: characters, names and limits. None of it is written here again.

use std::collections::HashSet;

use pyo3::FromPyObject;

use crate::names::Characters;

/// Limits of the worker, in characters or in numbers of entries. What is beyond one is left to Python.
#[derive(Clone, Copy, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Limits {
    /// A key of Bet9ja.
    pub longest_key: usize,
    /// The line next to a price of BetPawa.
    pub longest_shown_line: usize,
    /// An id and a name that are published whole.
    pub longest_id: usize,
    pub longest_name: usize,
    /// A label that may name a team.
    pub longest_label: usize,
    /// Misses that one resolved event lists.
    pub most_misses: usize,
    /// Outcomes in the sample of a miss, and the length of each text there.
    pub most_samples: usize,
    pub longest_sample_text: usize,
    /// Bytes that rows of players may take, of each bookmaker before the match and in play.
    pub most_bytes_of_players: usize,
}

pub struct Rules {
    pub characters: Characters,
    /// Words that a team cannot be named by.
    pub not_names: HashSet<String>,
    /// How football is written; no other sport is recalled.
    pub football: HashSet<String>,
    pub limits: Limits,
}
