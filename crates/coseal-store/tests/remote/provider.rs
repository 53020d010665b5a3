//! A key provider whose keys are in another process, behind a Unix socket.
//!
//! A question is a byte that says what is asked, the length of the rest in four
//! bytes, and the rest; an answer likewise, its first byte saying how it went.
//! Each question has a connection of its own and one deadline for all of it, so
//! that a provider that trickles is as late as one that hangs.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use coseal::{
    Error, KeyId, KeyProvider, RecipientEntry, Result, Secret, UnwrapRequest, VerifyingKey,
};

pub(crate) const SIGN: u8 = b's';
pub(crate) const UNWRAP: u8 = b'u';

pub(crate) const FINE: u8 = 0;
pub(crate) const UNDECRYPTABLE: u8 = 1;
pub(crate) const NO_KEY: u8 = 2;

/// Longest answer: a signature.
const ANSWER: usize = 64;

#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) socket: PathBuf,
    pub(crate) receiving: KeyId,
    pub(crate) timeout: Duration,
}

impl Remote {
    fn ask<const N: usize>(&self, what: u8, parts: &[&[u8]]) -> Result<[u8; N]> {
        let (status, answer) = self
            .exchange(what, parts)
            .map_err(|error| Error::Carrier(format!("the key provider failed: {error}").into()))?;
        match status {
            FINE => answer.as_slice().try_into().map_err(|_| {
                Error::Carrier(format!("the key provider gave {} bytes", answer.len()).into())
            }),
            UNDECRYPTABLE => Err(Error::Undecryptable),
            NO_KEY => Err(Error::NoKey("the key provider has no such key".into())),
            other => Err(Error::Carrier(format!("the key provider said {other}").into())),
        }
    }

    fn exchange(&self, what: u8, parts: &[&[u8]]) -> io::Result<(u8, Vec<u8>)> {
        let deadline = Instant::now() + self.timeout;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
        let left = || {
            let left = deadline.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(left).ok_or_else(late)
        };
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_write_timeout(Some(left()?))?;
        let body = parts.concat();
        stream.write_all(&[what])?;
        stream.write_all(&u32::try_from(body.len()).unwrap().to_be_bytes())?;
        stream.write_all(&body)?;
        let mut read = |buffer: &mut [u8]| -> io::Result<()> {
            let mut done = 0;
            while done < buffer.len() {
                stream.set_read_timeout(Some(left()?))?;
                match stream.read(&mut buffer[done..]) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(more) => done += more,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(late()),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let mut head = [0; 5];
        read(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        // Believed no further than an answer can be long.
        let length = usize::try_from(length).unwrap();
        if length > ANSWER {
            let error = format!("it announced {length} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        let mut answer = vec![0; length];
        read(&mut answer)?;
        Ok((head[0], answer))
    }
}

impl KeyProvider for Remote {
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
        matches!(entry, RecipientEntry::X25519 { key_id, .. } if *key_id == self.receiving)
    }

    fn unwrap(&self, request: &UnwrapRequest<'_>) -> Result<Secret<32>> {
        let RecipientEntry::X25519 { key_id, encapsulated, ciphertext } = request.entry else {
            return Err(Error::NoKey("only receiving keys are there".into()));
        };
        let mut secret = self.ask(
            UNWRAP,
            &[key_id.as_bytes(), &encapsulated[..], &ciphertext[..], &request.info()],
        )?;
        Ok(Secret::take(&mut secret))
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]> {
        self.ask(SIGN, &[key.as_bytes(), message])
    }
}
