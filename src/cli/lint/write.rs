//! Replaces a file as a whole: whoever reads it meanwhile, or afterwards when this was killed, finds the old text or the
//! new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Replaces what a file holds. A link keeps leading to the file, and the file keeps its rights.
pub(super) fn whole(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4()));
    let written = write(&path, &beside, text);
    if written.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write(path: &Path, beside: &Path, text: &str) -> io::Result<()> {
    let rights = fs::metadata(path)?.permissions();
    if rights.readonly() {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(beside)?;
    file.set_permissions(rights)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::whole;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_replaced_with_its_rights_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("body.md"), folder.path().join("link.md"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        whole(&link, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o440)).unwrap();
        assert!(whole(&file, "newer").is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(whole(&folder.path().join("missing.md"), "x").is_err());
    }
}
