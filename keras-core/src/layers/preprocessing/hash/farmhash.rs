//! FarmHash's `Fingerprint64`: the hash that TensorFlow calls fast.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// The eight bytes from `at`, the lowest first; 0 beyond the end, where no caller reads.
fn word(s: &[u8], at: usize) -> u64 {
    s.get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |b| u64::from_le_bytes(*b))
}

fn half(s: &[u8], at: usize) -> u64 {
    let bytes = s.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |b| u64::from(u32::from_le_bytes(*b)))
}

fn shift_mix(v: u64) -> u64 {
    v ^ (v >> 47)
}

fn mix(u: u64, v: u64, mul: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(mul));
    shift_mix((v ^ a).wrapping_mul(mul)).wrapping_mul(mul)
}

/// The fingerprint of a string, equal on every platform and in every version.
pub(super) fn fingerprint(s: &[u8]) -> u64 {
    match s.len() {
        0..=16 => upto_16(s),
        17..=32 => upto_32(s),
        33..=64 => upto_64(s),
        _ => long(s),
    }
}

fn upto_16(s: &[u8]) -> u64 {
    let n = s.len();
    let mul = K2.wrapping_add(2 * n as u64);
    match s {
        [] => K2,
        [first, .., last] if n < 4 => short(*first, s[n >> 1], *last, n),
        [only] => short(*only, *only, *only, n),
        _ if n < 8 => mix((n as u64).wrapping_add(half(s, 0) << 3), half(s, n - 4), mul),
        _ => {
            let a = word(s, 0).wrapping_add(K2);
            let b = word(s, n - 8);
            let c = b.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
            let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(mul);
            mix(c, d, mul)
        }
    }
}

fn short(first: u8, middle: u8, last: u8, n: usize) -> u64 {
    let y = u64::from(first) + (u64::from(middle) << 8);
    let z = n as u64 + (u64::from(last) << 2);
    shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
}

fn upto_32(s: &[u8]) -> u64 {
    let n = s.len();
    let mul = K2.wrapping_add(2 * n as u64);
    let a = word(s, 0).wrapping_mul(K1);
    let b = word(s, 8);
    let c = word(s, n - 8).wrapping_mul(mul);
    let d = word(s, n - 16).wrapping_mul(K2);
    let u = a
        .wrapping_add(b)
        .rotate_right(43)
        .wrapping_add(c.rotate_right(30))
        .wrapping_add(d);
    let v = a
        .wrapping_add(b.wrapping_add(K2).rotate_right(18))
        .wrapping_add(c);
    mix(u, v, mul)
}

fn upto_64(s: &[u8]) -> u64 {
    let n = s.len();
    let mul = K2.wrapping_add(2 * n as u64);
    let a = word(s, 0).wrapping_mul(K2);
    let b = word(s, 8);
    let c = word(s, n - 8).wrapping_mul(mul);
    let d = word(s, n - 16).wrapping_mul(K2);
    let y = a
        .wrapping_add(b)
        .rotate_right(43)
        .wrapping_add(c.rotate_right(30))
        .wrapping_add(d);
    let z = mix(
        y,
        a.wrapping_add(b.wrapping_add(K2).rotate_right(18))
            .wrapping_add(c),
        mul,
    );
    let e = word(s, 16).wrapping_mul(mul);
    let f = word(s, 24);
    let g = y.wrapping_add(word(s, n - 32)).wrapping_mul(mul);
    let h = z.wrapping_add(word(s, n - 24)).wrapping_mul(mul);
    let u = e
        .wrapping_add(f)
        .rotate_right(43)
        .wrapping_add(g.rotate_right(30))
        .wrapping_add(h);
    let v = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    mix(u, v, mul)
}

/// A weak hash of the 32 bytes from `at` with two seeds.
fn weak(s: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let [w, x, y, z] = std::array::from_fn(|i| word(s, at + 8 * i));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let sum = a.wrapping_add(x).wrapping_add(y);
    let b = b.wrapping_add(sum.rotate_right(44));
    (sum.wrapping_add(z), b.wrapping_add(a))
}

/// 64 bytes at a time; the last 64 bytes, which may overlap those before, come last.
fn long(s: &[u8]) -> u64 {
    let n = s.len();
    let seed: u64 = 81;
    let mut y = seed.wrapping_mul(K1).wrapping_add(113);
    let mut z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let mut x = seed.wrapping_mul(K2).wrapping_add(word(s, 0));
    let (mut v, mut w) = ((0u64, 0u64), (0u64, 0u64));
    let step =
        |at: usize, [x, y, z]: &mut [u64; 3], v: &mut (u64, u64), w: &mut (u64, u64), mul: u64, by: u64| {
            *x = x.wrapping_add(*y).wrapping_add(v.0).wrapping_add(word(s, at + 8));
            *x = x.rotate_right(37).wrapping_mul(mul) ^ w.1.wrapping_mul(by);
            *y = y.wrapping_add(v.1).wrapping_add(word(s, at + 48));
            *y = y.rotate_right(42).wrapping_mul(mul);
            *y = y
                .wrapping_add(v.0.wrapping_mul(by))
                .wrapping_add(word(s, at + 40));
            *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(mul);
            *v = weak(s, at, v.1.wrapping_mul(mul), x.wrapping_add(w.0));
            *w = weak(s, at + 32, z.wrapping_add(w.1), y.wrapping_add(word(s, at + 16)));
            std::mem::swap(z, x);
        };
    let mut state = [x, y, z];
    for at in (0..(n - 1) / 64).map(|block| block * 64) {
        step(at, &mut state, &mut v, &mut w, K1, 1);
    }
    let mul = K1.wrapping_add((state[2] & 0xff) << 1);
    w.0 = w.0.wrapping_add((n as u64 - 1) & 63);
    v.0 = v.0.wrapping_add(w.0);
    w.0 = w.0.wrapping_add(v.0);
    step(n - 64, &mut state, &mut v, &mut w, mul, 9);
    [x, y, z] = state;
    let u = mix(v.0, w.0, mul)
        .wrapping_add(shift_mix(y).wrapping_mul(K0))
        .wrapping_add(z);
    mix(u, mix(v.1, w.1, mul).wrapping_add(x), mul)
}

/// The fingerprint of a pair by the fingerprints of its parts, as TensorFlow crosses features.
pub(super) fn concatenated(a: u64, b: u64) -> u64 {
    const MUL: u64 = 0xc6a4_a793_5bd1_e995;
    let mixed = a ^ MUL ^ shift_mix(b.wrapping_mul(MUL)).wrapping_mul(MUL);
    let mixed = shift_mix(mixed.wrapping_mul(MUL)).wrapping_mul(MUL);
    shift_mix(mixed)
}
