//! NumPy's `RandomState(seed).shuffle`, so that reviews come in Keras's order.

const N: usize = 624;
const M: usize = 397;

/// The Mersenne twister (M. Matsumoto and T. Nishimura, 1998).
pub(super) struct Twister {
    state: [u32; N],
    next: usize,
}

impl Twister {
    /// `0..count` as `random_state.shuffle(np.arange(count))` leaves it.
    pub(super) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.up_to(i as u32) as usize);
        }
        order
    }

    pub(super) fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253u32
                .wrapping_mul(last ^ (last >> 30))
                .wrapping_add(i as u32);
        }
        Self { state, next: N }
    }

    /// A number from 0 to `max`, by throwing away what is larger.
    fn up_to(&mut self, max: u32) -> u32 {
        let mask = u32::MAX.checked_shr(max.leading_zeros()).unwrap_or(0);
        loop {
            let value = self.draw() & mask;
            if value <= max {
                return value;
            }
        }
    }

    fn draw(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Twister;

    #[test]
    fn equals_numpys_shuffle() {
        // np.random.RandomState(113).shuffle(np.arange(10)); the first of 25000, and of 700 with seed 7, likewise.
        assert_eq!(Twister::new(113).order(10), SMALL);
        assert_eq!(Twister::new(113).order(25000)[..5], LARGE);
        assert_eq!(Twister::new(7).order(700)[..5], MIDDLE);
    }

    const SMALL: [usize; 10] = [9, 3, 6, 1, 0, 7, 4, 8, 2, 5];
    const LARGE: [usize; 5] = [7798, 13226, 18078, 793, 17499];
    const MIDDLE: [usize; 5] = [595, 115, 424, 138, 236];
}
