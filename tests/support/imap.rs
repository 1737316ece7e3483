//! A scripted IMAP server for what a good server never does. It plays one script for each connection, in order, and the
//! last one for all later connections.
//!
//! In what is said, `{tag}` stands for the tag of the last command that was read. A script that ends closes the connection.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One step of a script.
#[derive(Clone)]
pub enum Step {
    /// Sends bytes.
    Say(Vec<u8>),
    /// Reads a line, which must contain the words; else the connection ends.
    Hear(&'static str),
    /// Reads whatever comes, up to these bytes.
    HearAll(&'static str),
    /// Sends bytes one at a time, with a pause before each.
    Trickle(Vec<u8>, Duration),
    /// Sends bytes again and again, until the client has enough.
    Flood(Vec<u8>),
    /// Says and hears nothing until the client hangs up.
    Stall,
}

/// A running server.
pub struct ScriptedImap {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl ScriptedImap {
    /// Starts a server that plays one script for every connection.
    pub fn start(script: Vec<Step>) -> Self {
        Self::start_all(vec![script])
    }

    /// Starts a server with a script for each connection.
    pub fn start_all(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        std::thread::spawn(move || {
            for (number, connection) in listener.incoming().enumerate() {
                let Ok(connection) = connection else { return };
                let Some(script) = scripts.get(number).or(scripts.last()).cloned() else { return };
                let ears = Arc::clone(&ears);
                // The client hangs up when it likes: errors end the script, no more.
                std::thread::spawn(move || drop(play(connection, script, &ears)));
            }
        });
        Self { port, heard }
    }

    /// Returns all lines that clients have sent so far, without their ends.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// What a client hears before it may list and fetch: greeting, capabilities, a login, an empty mailbox opened.
pub fn opened() -> Vec<Step> {
    let mut script = logged_in();
    script.extend([
        Step::Hear("EXAMINE"),
        say("* 9 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 100] ok\r\n{tag} OK done\r\n"),
    ]);
    script
}

/// What a client hears until it is logged in with LOGIN.
pub fn logged_in() -> Vec<Step> {
    let capabilities = say("* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n");
    vec![say("* OK hello\r\n"), Step::Hear("CAPABILITY"), capabilities, Step::Hear("LOGIN"), say("{tag} OK welcome\r\n")]
}

/// Says a text.
pub fn say(text: &str) -> Step {
    Step::Say(text.as_bytes().to_vec())
}

/// Hears a command with the words, and answers it.
pub fn answer(words: &'static str, text: &str) -> [Step; 2] {
    [Step::Hear(words), say(text)]
}

fn play(connection: TcpStream, script: Vec<Step>, ears: &Mutex<Vec<String>>) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut mouth = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    let mut tag = String::new();
    for step in script {
        match step {
            Step::Say(bytes) => mouth.write_all(&with_tag(&bytes, &tag))?,
            Step::Hear(words) => {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                ears.lock().unwrap().push(line.trim_end().to_string());
                if !line.contains(words) {
                    return Ok(());
                }
                tag = line.split(' ').next().unwrap_or_default().to_string();
            }
            Step::HearAll(end) => {
                let mut heard = Vec::new();
                while !heard.ends_with(end.as_bytes()) {
                    if reader.read_until(b'\n', &mut heard)? == 0 {
                        return Ok(());
                    }
                }
            }
            Step::Trickle(bytes, pause) => {
                for byte in with_tag(&bytes, &tag) {
                    std::thread::sleep(pause);
                    mouth.write_all(&[byte])?;
                }
            }
            Step::Flood(bytes) => loop {
                mouth.write_all(&bytes)?;
            },
            Step::Stall => drop(std::io::copy(&mut reader, &mut std::io::sink())),
        }
    }
    Ok(())
}

fn with_tag(bytes: &[u8], tag: &str) -> Vec<u8> {
    match memchr::memmem::find(bytes, b"{tag}") {
        Some(at) => [&bytes[..at], tag.as_bytes(), &with_tag(&bytes[at + 5..], tag)].concat(),
        None => bytes.to_vec(),
    }
}

/// A server with one mailbox that answers as it should, but for what a test bends.
#[derive(Clone)]
pub struct BentImap {
    pub port: u16,
    mailbox: Arc<Mutex<Mailbox>>,
}

/// What a server says that has not heard a command at all.
pub const DEAF: &[u8] = b"{deaf}";

/// Answers a command in another way: `{tag}` stands for its tag, and nothing at all hangs up.
pub type Bend = Arc<dyn Fn(&Mailbox, &str) -> Option<Vec<u8>> + Send + Sync>;

/// What the server has.
#[derive(Clone)]
pub struct Mailbox {
    pub greeting: &'static str,
    /// By UID, each with its INTERNALDATE.
    pub messages: BTreeMap<u32, (String, Vec<u8>)>,
    pub uidvalidity: u32,
    /// None is one above the last UID.
    pub uidnext: Option<u32>,
    pub bend: Option<Bend>,
    pub heard: Vec<String>,
}

impl BentImap {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (messages, heard) = (BTreeMap::new(), Vec::new());
        let mailbox = Mailbox { greeting: "hello", messages, uidvalidity: 5, uidnext: None, bend: None, heard };
        let server = Self { port, mailbox: Arc::new(Mutex::new(mailbox)) };
        let all = server.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let server = all.clone();
                // The client hangs up when it likes: errors end the session, no more.
                std::thread::spawn(move || drop(server.serve(&connection)));
            }
        });
        server
    }

    /// Looks at, or changes, what the server has.
    pub fn with<T>(&self, work: impl FnOnce(&mut Mailbox) -> T) -> T {
        work(&mut self.mailbox.lock().unwrap())
    }

    pub fn put(&self, uid: u32, message: &[u8]) {
        let date = "05-Jan-2026 10:00:00 +0000".to_string();
        self.with(|mailbox| mailbox.messages.insert(uid, (date, message.to_vec())));
    }

    pub fn bend(&self, bend: impl Fn(&Mailbox, &str) -> Option<Vec<u8>> + Send + Sync + 'static) {
        self.with(|mailbox| mailbox.bend = Some(Arc::new(bend)));
    }

    pub fn straighten(&self) {
        self.with(|mailbox| mailbox.bend = None);
    }

    fn serve(&self, connection: &TcpStream) -> std::io::Result<()> {
        connection.set_nodelay(true)?;
        let (mut mouth, mut reader) = (connection, BufReader::new(connection));
        mouth.write_all(format!("* OK {}\r\n", self.with(|mailbox| mailbox.greeting)).as_bytes())?;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let (tag, command) = line.split_once(' ').unwrap_or((line, ""));
            // Not under the lock: a flood must not keep the others.
            let mailbox = self.with(|mailbox| {
                mailbox.heard.push(command.to_string());
                mailbox.clone()
            });
            let bent = mailbox.bend.as_ref().and_then(|bend| bend(&mailbox, command));
            let answer = bent.unwrap_or_else(|| mailbox.answer(command, &|_| None));
            if answer == DEAF {
                continue;
            }
            if answer.is_empty() {
                return Ok(());
            }
            mouth.write_all(&with_tag(&answer, tag))?;
            if command == "LOGOUT" {
                return Ok(());
            }
        }
    }
}

impl Mailbox {
    pub fn next(&self) -> u32 {
        self.uidnext.unwrap_or_else(|| self.messages.keys().last().map_or(1, |last| last + 1))
    }

    /// Answers as a good server does; `spoiled` says what stands in the place of one message's answer.
    pub fn answer(&self, command: &str, spoiled: &dyn Fn(u32) -> Option<Vec<u8>>) -> Vec<u8> {
        let words: Vec<&str> = command.splitn(4, ' ').collect();
        let done = "{tag} OK done\r\n".to_string();
        match words.as_slice() {
            ["CAPABILITY"] => format!("* CAPABILITY IMAP4rev1\r\n{done}").into_bytes(),
            ["EXAMINE" | "SELECT", ..] => format!(
                "* {} EXISTS\r\n* OK [UIDVALIDITY {}] ok\r\n* OK [UIDNEXT {}] ok\r\n{done}",
                self.messages.len(),
                self.uidvalidity,
                self.next()
            )
            .into_bytes(),
            ["UID", "SEARCH", rest @ ..] => {
                let from = rest.join(" ").split_once(':').and_then(|(uid, _)| uid.strip_prefix("UID ")?.parse::<u32>().ok());
                let mut found: Vec<u32> = self.messages.keys().copied().filter(|uid| *uid >= from.unwrap_or(1)).collect();
                if found.is_empty() {
                    found.extend(self.messages.keys().last());
                }
                format!("* SEARCH{}\r\n{done}", found.iter().map(|uid| format!(" {uid}")).collect::<String>()).into_bytes()
            }
            ["FETCH", "*", items] => {
                let last = self.messages.keys().last().map(|uid| self.item(*uid, items)).unwrap_or_default();
                [last, done.into_bytes()].concat()
            }
            ["UID", "FETCH", set, items] => {
                let mut answer = Vec::new();
                for uid in self.in_set(set) {
                    answer.extend(spoiled(uid).unwrap_or_else(|| self.item(uid, items)));
                }
                [answer, done.into_bytes()].concat()
            }
            _ => done.into_bytes(),
        }
    }

    /// The UIDs of a set that are there; `n:*` has the last one at least.
    pub fn in_set(&self, set: &str) -> Vec<u32> {
        let last = self.messages.keys().last().copied().unwrap_or_default();
        let number = |text: &str| if text == "*" { last } else { text.parse().unwrap() };
        let ranges = set.split(',').map(|range| range.split_once(':').unwrap_or((range, range)));
        let ranges: Vec<(u32, u32)> = ranges.map(|(a, b)| (number(a).min(number(b)), number(a).max(number(b)))).collect();
        let is_asked = |uid: &u32| ranges.iter().any(|(first, last)| first <= uid && uid <= last);
        self.messages.keys().copied().filter(is_asked).collect()
    }

    /// What a good server answers for one message.
    pub fn item(&self, uid: u32, items: &str) -> Vec<u8> {
        let (date, message) = &self.messages[&uid];
        let mut item = format!("* 1 FETCH (UID {uid}").into_bytes();
        if items.contains("RFC822.SIZE") {
            item.extend(format!(" RFC822.SIZE {}", message.len()).into_bytes());
        }
        if items.contains("INTERNALDATE") {
            item.extend(format!(" INTERNALDATE \"{date}\"").into_bytes());
        }
        let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |end| end + 4);
        for (name, bytes) in [("[]", message.as_slice()), ("[HEADER]", &message[..end])] {
            if items.contains(&format!("BODY.PEEK{name}")) {
                item.extend(format!(" BODY{name} {{{}}}\r\n", bytes.len()).into_bytes());
                item.extend(bytes);
            }
        }
        [item, b")\r\n".to_vec()].concat()
    }
}
