//! What is not as bookmakers usually send it.

/// Something unusual. The caller then has the whole value read in Python, which says what is wrong with it, if
/// anything is.
#[derive(Debug)]
pub struct Unusual;

pub type Usual<T> = Result<T, Unusual>;
