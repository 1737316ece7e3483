//! A scripted IMAP server for what a good server never does. It plays one script for each connection, in order, and the
//! last one for all later connections.
//!
//! In what is said, `{tag}` stands for the tag of the last command that was read. A script that ends closes the connection.

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
