//! SHA-256 (FIPS 180-4), for everything but HKDF. In the tests of this crate
//! it counts what it is given, so that they can say what an input costs.

#[cfg(all(test, feature = "os"))]
pub(crate) use crate::meter::Sha256;
#[cfg(not(all(test, feature = "os")))]
pub(crate) use sha2::Sha256;
