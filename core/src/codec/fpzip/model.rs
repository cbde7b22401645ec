//! How often each symbol came: the statistics of the range coder.
//!
//! The odds of all symbols sum up to 2^16 and stay as they are for a while; the counts go on, and
//! then become the new odds. That happens after few symbols at first and after 1024 at last.

/// The sum of all odds is 2 to this.
pub(super) const BITS: u32 = 16;
/// The sum of all odds.
pub(super) const TOTAL: u32 = 1 << BITS;

/// The largest alphabet: differences of 8 bits.
const MOST_SYMBOLS: usize = 511;
const LONGEST_PERIOD: u32 = 1024;
/// Steps of the table that shortens the search for a symbol.
const STEPS: usize = 128;
const STEP_BITS: u32 = 9;

/// Statistics of an alphabet.
#[derive(Debug)]
pub(super) struct Model {
    symbols: usize,
    /// Symbols until the odds are renewed, of which the last `more` count one more.
    left: u32,
    more: u32,
    increment: u32,
    period: u32,
    counts: [u32; MOST_SYMBOLS],
    /// The sum of the odds of all symbols before each; after the last symbol, [`TOTAL`].
    starts: [u32; MOST_SYMBOLS + 1],
    /// The symbol in which each 128th of the total begins.
    steps: [usize; STEPS + 1],
}

impl Model {
    /// An alphabet of at most 511 symbols, all alike.
    pub(super) fn new(symbols: usize) -> Self {
        let symbols = symbols.min(MOST_SYMBOLS);
        let mut model = Self {
            symbols,
            left: 0,
            more: 0,
            increment: 0,
            period: 2,
            counts: [0; MOST_SYMBOLS],
            starts: [TOTAL; MOST_SYMBOLS + 1],
            steps: [0; STEPS + 1],
        };
        let mut rest = TOTAL;
        for (index, count) in model.counts[..symbols].iter_mut().enumerate() {
            // The first ones take what does not divide: ceil of the rest over those that follow.
            *count = rest.div_ceil(u32::try_from(symbols - index).unwrap_or(u32::MAX));
            rest -= *count;
        }
        model.period |= u32::try_from(symbols >> 4).unwrap_or(0);
        model.renew();
        model
    }

    /// Where a symbol's part of the total starts and how long it is.
    #[inline]
    pub(super) fn encode(&mut self, symbol: usize) -> (u32, u32) {
        let start = self.starts[symbol];
        let odds = self.starts[symbol + 1] - start;
        self.count(symbol);
        (start, odds)
    }

    /// The symbol in whose part a place below the total lies, where the part starts and how long it
    /// is.
    #[inline]
    pub(super) fn decode(&mut self, place: u32) -> (usize, u32, u32) {
        let step = (place >> STEP_BITS) as usize & (STEPS - 1);
        let mut symbol = self.steps[step];
        let mut end = self.steps[step + 1] + 1;
        while symbol + 1 < end {
            let middle = usize::midpoint(symbol, end);
            if place < self.starts[middle] {
                end = middle;
            } else {
                symbol = middle;
            }
        }
        let start = self.starts[symbol];
        let odds = self.starts[symbol + 1] - start;
        self.count(symbol);
        (symbol, start, odds)
    }

    #[inline]
    fn count(&mut self, symbol: usize) {
        if self.left == 0 {
            self.renew();
        }
        self.left -= 1;
        self.counts[symbol] += self.increment;
    }

    fn renew(&mut self) {
        if self.more > 0 {
            self.left = self.more;
            self.more = 0;
            self.increment += 1;
            return;
        }
        self.period = (self.period * 2).min(LONGEST_PERIOD);
        let mut start = TOTAL;
        let mut rest = TOTAL;
        let mut step = STEPS;
        for symbol in (0..self.symbols).rev() {
            let count = &mut self.counts[symbol];
            start -= *count;
            // Half of the past is forgotten, and no symbol becomes impossible.
            *count = *count >> 1 | 1;
            rest -= *count;
            self.starts[symbol] = start;
            let first = (start >> STEP_BITS) as usize;
            self.steps[first..=step].fill(symbol);
            step = first;
        }
        self.increment = rest / self.period;
        self.more = rest % self.period;
        self.left = self.period - self.more;
    }
}
