//! The text of an issue out of a file. A stranger's file may be anything: too large, a folder, not even text.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest text that is read, in bytes: some two hundred times what people write.
pub(crate) const LONGEST: u64 = 1024 * 1024;

/// Why a file is no text of an issue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyFileError {
    /// It cannot be opened or read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no file.
    #[error("{} is a folder, not a file", .path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
    },
    /// It is too long.
    #[error("{} is longer than {LONGEST} bytes, which is no issue that a person could read", .path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// It is no UTF-8.
    #[error("{} is not UTF-8: line {line} holds a byte that begins no character (0x{byte:02x})", .path.display())]
    NotUtf8 {
        /// Which file.
        path: PathBuf,
        /// In which line, from 1.
        line: usize,
        /// The byte.
        byte: u8,
    },
}

/// Reads the text; `-` is stdin. A mark of the byte order in front is no part of it.
pub(crate) fn read(path: &Path) -> Result<String, BodyFileError> {
    let failed = |source| BodyFileError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than may be there tells that there is more; a device without an end ends here as well.
    if path == Path::new("-") {
        std::io::stdin().take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        if path.is_dir() {
            return Err(BodyFileError::Folder { path: path.to_owned() });
        }
        File::open(path).map_err(failed)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > LONGEST {
        return Err(BodyFileError::TooLong { path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        BodyFileError::NotUtf8 {
            path: path.to_owned(),
            line: bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1,
            byte: bytes.get(at).copied().unwrap_or_default(),
        }
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_anything() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        assert_eq!(read(&file("plain", b"- [ ] a\r\n")).expect("text"), "- [ ] a\r\n");
        assert_eq!(read(&file("marked", b"\xef\xbb\xbf- [ ] a\n")).expect("text"), "- [ ] a\n");
        assert_eq!(read(&file("empty", b"")).expect("text"), "");
        let longest = usize::try_from(LONGEST).expect("small");
        assert_eq!(read(&file("long", &vec![b'a'; longest])).expect("text").len(), longest);
        for (path, said) in [
            (file("longer", &vec![b'a'; longest + 1]), "longer than 1048576 bytes"),
            (file("latin", b"a\nb\nc\xe9 d"), "line 3 holds a byte that begins no character (0xe9)"),
            (file("cut", b"a \xe2\x82"), "line 1"),
            (folder.path().to_owned(), "is a folder"),
            (folder.path().join("missing"), "cannot be read"),
            (PathBuf::from("/dev/zero"), "longer than"),
        ] {
            let error = read(&path).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
