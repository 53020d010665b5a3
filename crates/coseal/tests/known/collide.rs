//! One ciphertext of 32 bytes and one tag that two keys open, for both
//! suites: invisible salamanders (Dodis, Grubbs, Ristenpart, Woodage 2018;
//! Albertini et al. 2022, §3).
//!
//! Neither AEAD commits to its key. Its tag is linear in each block of the
//! ciphertext, so one block can be chosen for which two keys come to the same
//! tag. The nonce is zero, as in envelopes.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

/// Ciphertext and tag.
pub(crate) type Colliding = ([u8; 32], [u8; 16]);

/// AES-256-GCM (NIST SP 800-38D).
pub(crate) fn aes_gcm([one, two]: [&[u8; 32]; 2], aad: &[u8]) -> Colliding {
    let block = |key: &[u8; 32], counter: u128| {
        let mut block = counter.to_be_bytes().into();
        Aes256::new(key.into()).encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let first = u128::from_be_bytes(*b"one ciphertext, ");
    let lengths = u128::try_from(aad.len() * 8).unwrap() << 64 | 256;
    // The tag of a ciphertext whose second block is zero; the second block
    // comes in with the coefficient H².
    let parts = [one, two].map(|key| {
        let h = block(key, 0);
        let blocks = padded(aad).map(u128::from_be_bytes).chain([first, 0, lengths]);
        let hash = blocks.fold(0, |hash, block| gf128::times(hash ^ block, h));
        (hash ^ block(key, 1), gf128::times(h, h))
    });
    let [(tag_one, square_one), (tag_two, square_two)] = parts;
    let second = gf128::times(tag_one ^ tag_two, gf128::inverse(square_one ^ square_two));
    let tag = tag_one ^ gf128::times(second, square_one);
    (join(first.to_be_bytes(), second.to_be_bytes()), tag.to_be_bytes())
}

/// ChaCha20-Poly1305 (RFC 8439). Here the chosen block is a number modulo
/// 2^130 − 5 that must turn out to be one of 128 bits: some first blocks have
/// to be tried.
pub(crate) fn chacha20_poly1305(keys: [&[u8; 32]; 2], aad: &[u8]) -> Colliding {
    let one_time = keys.map(|key| {
        let mut key_stream = [0; 32];
        ChaCha20::new(key.into(), &[0; 12].into()).apply_keystream(&mut key_stream);
        let number = |bytes: &[u8]| u128::from_le_bytes(bytes.try_into().unwrap());
        let (r, s) = (number(&key_stream[..16]), number(&key_stream[16..]));
        (Field(0, r & 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff), s)
    });
    let lengths = Field(1, 32 << 64 | u128::try_from(aad.len()).unwrap());
    let tag = |(r, s): (Field, u128), first: u128, second: Field| {
        let blocks = padded(aad).map(u128::from_le_bytes).chain([first]);
        let blocks = blocks.map(|block| Field(1, block)).chain([second, lengths]);
        let hash = blocks.fold(Field(0, 0), |hash, block| hash.plus(block).times(r));
        (hash, hash.1.wrapping_add(s))
    };
    let [one, two] = one_time;
    let slope = one.0.times(one.0).minus(two.0.times(two.0)).inverse();
    for first in 0.. {
        let ((hash_one, _), (hash_two, _)) =
            (tag(one, first, Field(0, 0)), tag(two, first, Field(0, 0)));
        // hash one − hash two = s two − s one + k · 2^128, as integers.
        for k in 0..8 {
            let wanted = Field(0, two.1.wrapping_sub(one.1)).plus(Field(k % 4, 0));
            let wanted = if k < 4 { wanted } else { wanted.minus(Field(3, 0)).minus(Field(1, 0)) };
            let second = wanted.minus(hash_one).plus(hash_two).times(slope);
            if second.0 == 1 && tag(one, first, second).1 == tag(two, first, second).1 {
                let tag = tag(one, first, second).1;
                return (join(first.to_le_bytes(), second.1.to_le_bytes()), tag.to_le_bytes());
            }
        }
    }
    unreachable!("one in a few first blocks fits")
}

fn join(first: [u8; 16], second: [u8; 16]) -> [u8; 32] {
    [first, second].concat().try_into().unwrap()
}

fn padded(bytes: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    bytes.chunks(16).map(|chunk| {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        block
    })
}

/// GCM's field: the first bit is the coefficient of 1.
mod gf128 {
    pub(super) fn times(x: u128, mut y: u128) -> u128 {
        let mut product = 0;
        for bit in (0..128).rev() {
            product ^= y * (x >> bit & 1);
            y = (y >> 1) ^ ((0xe1 << 120) * (y & 1));
        }
        product
    }

    /// x to the power 2^128 − 2.
    pub(super) fn inverse(x: u128) -> u128 {
        let mut power = x;
        let mut product = 1 << 127;
        for _ in 1..128 {
            power = times(power, power);
            product = times(product, power);
        }
        product
    }
}

/// A number modulo 2^130 − 5: what lies above 128 bits, and those.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Field(u8, u128);

const P: Field = Field(3, u128::MAX - 4);

impl Field {
    fn plus(self, other: Self) -> Self {
        let (low, carry) = self.1.overflowing_add(other.1);
        let sum = Self(self.0 + other.0 + u8::from(carry), low);
        if sum < P { sum } else { sum.without(P) }
    }

    fn minus(self, other: Self) -> Self {
        if self < other { Self::plus(self, P.without(other)) } else { self.without(other) }
    }

    /// The difference of integers; `other` is not the larger.
    fn without(self, other: Self) -> Self {
        let (low, borrow) = self.1.overflowing_sub(other.1);
        Self(self.0 - other.0 - u8::from(borrow), low)
    }

    fn bit(self, bit: u32) -> bool {
        if bit < 128 { self.1 >> bit & 1 == 1 } else { self.0 >> (bit - 128) & 1 == 1 }
    }

    fn times(self, other: Self) -> Self {
        (0..130).rev().fold(Self(0, 0), |product, bit| {
            let double = product.plus(product);
            if other.bit(bit) { double.plus(self) } else { double }
        })
    }

    /// To the power p − 2.
    fn inverse(self) -> Self {
        let exponent = P.without(Self(0, 2));
        (0..130).rev().fold(Self(0, 1), |power, bit| {
            let square = power.times(power);
            if exponent.bit(bit) { square.times(self) } else { square }
        })
    }
}
