//! One AES-GCM ciphertext that decrypts under two keys.
//!
//! GCM does not commit to its key: tag = GHASH(H, aad, c) + E(K, J0) is linear
//! in each block of c, so one block can be chosen for which two keys agree on
//! the tag. What keeps a reader from it is the key commitment alone.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};

/// `ciphertext || tag` of two blocks, with the same tag under both keys.
pub(crate) fn under_two_keys(keys: [&[u8; 32]; 2], aad: &[u8]) -> Vec<u8> {
    let first = *b"two keys, one ct";
    let blank = 0u128;
    let [(h1, open1), (h2, open2)] = keys.map(|key| {
        let h = encrypt_block(key, 0);
        // J0 of a zero nonce: the counter is 1.
        (h, ghash(h, aad, &[u128::from_be_bytes(first), blank]) ^ encrypt_block(key, 1))
    });
    // The second block has the coefficient H² in GHASH: the lengths come after it.
    let chosen = multiply(open1 ^ open2, inverse(multiply(h1, h1) ^ multiply(h2, h2)));
    let tag = open1 ^ multiply(chosen, multiply(h1, h1));
    [first, chosen.to_be_bytes(), tag.to_be_bytes()].concat()
}

/// What a ciphertext of two blocks decrypts to.
pub(crate) fn decrypted(key: &[u8; 32], ciphertext: &[u8]) -> Vec<u8> {
    let keystream = [encrypt_block(key, 2), encrypt_block(key, 3)].map(u128::to_be_bytes).concat();
    ciphertext.iter().zip(keystream).map(|(c, k)| c ^ k).collect()
}

fn encrypt_block(key: &[u8; 32], block: u128) -> u128 {
    let mut block = block.to_be_bytes().into();
    Aes256::new(&(*key).into()).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

/// GHASH of NIST SP 800-38D §6.4 over aad, blocks and their lengths.
fn ghash(h: u128, aad: &[u8], blocks: &[u128]) -> u128 {
    let padded = aad.chunks(16).map(|chunk| {
        chunk
            .iter()
            .zip((0..16).rev())
            .fold(0, |block, (&byte, at)| block | u128::from(byte) << (8 * at))
    });
    let lengths = ((aad.len() as u128 * 8) << 64) | (blocks.len() as u128 * 128);
    padded
        .chain(blocks.iter().copied())
        .chain([lengths])
        .fold(0, |hash, block| multiply(hash ^ block, h))
}

/// Multiplication in GCM's field: the first bit is the coefficient of 1.
fn multiply(x: u128, mut y: u128) -> u128 {
    let mut product = 0;
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= y;
        }
        let carry = y & 1;
        y >>= 1;
        if carry == 1 {
            y ^= 0xe1 << 120;
        }
    }
    product
}

/// x^(2^128 - 2).
fn inverse(x: u128) -> u128 {
    let one = 1 << 127;
    (1..128)
        .fold((one, x), |(product, power), _| {
            let power = multiply(power, power);
            (multiply(product, power), power)
        })
        .0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::keys::seed;
    use aead::{Aead as _, Payload};

    #[test]
    fn both_keys_open_it() {
        let keys = [seed("one"), seed("two")];
        let sealed = under_two_keys([&keys[0], &keys[1]], b"additional data, more than a block");
        for key in keys {
            let text = Payload { msg: &sealed, aad: b"additional data, more than a block" };
            let opened = aes_gcm::Aes256Gcm::new(&key.into()).decrypt(&[0; 12].into(), text);
            let (blocks, _) = sealed.split_at(32);
            assert_eq!(opened.expect("it opens"), decrypted(&key, blocks));
        }
    }
}
