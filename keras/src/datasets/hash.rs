//! The hashes that Keras knows files by.

use keras_core::{Error, Result};
use sha2::{Digest, Sha256};

pub(super) enum Hasher {
    Sha256(Sha256),
    Md5(md5::Md5),
}

impl Hasher {
    /// The kind of hash that `hash` is, told by its length.
    pub(super) fn like(hash: &str) -> Result<Self> {
        match (hash.len(), hash.bytes().all(|b| b.is_ascii_hexdigit())) {
            (64, true) => Ok(Self::Sha256(Sha256::new())),
            (32, true) => Ok(Self::Md5(md5::Md5::new())),
            _ => Err(Error::invalid(format!(
                "expected a SHA-256 (64 hexadecimal digits) or MD5 (32) of the file, got `{hash}`"
            ))),
        }
    }

    pub(super) fn update(&mut self, chunk: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(chunk),
            Self::Md5(hasher) => hasher.update(chunk),
        }
    }

    pub(super) fn digest(self) -> String {
        let bytes: Vec<u8> = match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Md5(hasher) => hasher.finalize().to_vec(),
        };
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}
