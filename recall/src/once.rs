//! Fields that an object has more than once.

use crate::unusual::{Unusual, Usual};

/// The fields met so far, up to 64 of them.
#[derive(Default)]
pub struct Once(u64);

impl Once {
    /// Unusual is a field that was met before, but for `other`, which stands for all that nobody reads.
    pub fn check(&mut self, field: u8, other: u8) -> Usual<()> {
        let bit = 1 << field;
        if field != other && self.0 & bit != 0 {
            return Err(Unusual);
        }
        self.0 |= bit;
        Ok(())
    }
}
