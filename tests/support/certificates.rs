//! Certificates for tests, made by the openssl command: one authority of ours, and what it signed or did not sign.
//!
//! `localhost` and 127.0.0.1 show a good certificate; 127.0.0.2 an expired one, 127.0.0.3 one that a stranger signed, and
//! 127.0.0.4 one for another host name.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The names of the certificates: `NAME.pem` and `NAME.key`.
pub const GOOD: &str = "good";
pub const EXPIRED: &str = "expired";
pub const FOREIGN: &str = "foreign";
pub const WRONG_NAME: &str = "wrong-name";

/// Makes them all in a folder and returns the file of our authority.
pub fn make(folder: &Path) -> PathBuf {
    authority(folder, "authority");
    authority(folder, "stranger");
    signed(folder, GOOD, "authority", "DNS:localhost,IP:127.0.0.1", true);
    signed(folder, EXPIRED, "authority", "IP:127.0.0.2", false);
    signed(folder, FOREIGN, "stranger", "IP:127.0.0.3", true);
    signed(folder, WRONG_NAME, "authority", "DNS:elsewhere.example.org", true);
    folder.join("authority.pem")
}

fn authority(folder: &Path, name: &str) {
    let subject = format!("/CN=espomail test {name}");
    let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
    let mut command = vec!["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"];
    command.extend(["-subj", &subject, "-keyout", &key, "-out", &certificate]);
    openssl(folder, &command);
}

fn signed(folder: &Path, name: &str, by: &str, names: &str, current: bool) {
    let [key, request, certificate, extensions] = ["key", "csr", "pem", "ext"].map(|end| format!("{name}.{end}"));
    std::fs::write(folder.join(&extensions), format!("subjectAltName={names}\n")).unwrap();
    let subject = format!("/CN={name}");
    let mut command = vec!["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", &subject];
    command.extend(["-keyout", &key, "-out", &request]);
    openssl(folder, &command);
    let (by_certificate, by_key) = (format!("{by}.pem"), format!("{by}.key"));
    // `openssl x509` knows no start date, but `-days` may lie in the past.
    let days = if current { "3650" } else { "-1" };
    let mut command = vec!["x509", "-req", "-in", &request, "-CA", &by_certificate, "-CAkey", &by_key, "-CAcreateserial"];
    command.extend(["-days", days, "-extfile", &extensions, "-out", &certificate]);
    openssl(folder, &command);
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("try: apt install openssl");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
