//! What only the owner of the data runs: secret keys, key generation, encryption and decryption.

mod bootstrap_keys;
pub mod decryption;
pub mod encryption;
pub mod keygen;
pub mod random;
mod sampling;
pub mod secret;

pub use decryption::Decryptor;
pub use encryption::{Encryptor, PublicEncryptor, PublicKey};
pub use keygen::KeyGenerator;
pub use random::SeedSequence;
pub use secret::{SecretKey, SecretPolynomial};
