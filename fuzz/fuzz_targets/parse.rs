//! Any bytes are a message (PARSE-2): `cargo fuzz run parse fuzz/corpus/parse tests/corpus`.
#![no_main]

use espomail::mail;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let mail = mail::parse(raw);
    assert!(!mail.text.contains('\0') && !mail.subject.contains('\0'));
    for file in &mail.attachments {
        let content = mail::attachment_content(raw, &file.part).expect("every listed attachment can be read");
        assert_eq!(content.len() as u64, file.size);
    }
});
