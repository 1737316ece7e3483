//! Files inside a `winmail.dat` ([MS-OXTNEF]): a signature, a key, then attributes of level, id, length, data, checksum.

/// A file in the stream.
pub struct File<'a> {
    pub name: String,
    pub content: &'a [u8],
}

const SIGNATURE: u32 = 0x223E_9F78;
const LEVEL_ATTACHMENT: u8 = 2;
const ATT_ATTACH_REND_DATA: u32 = 0x0006_9002;
const ATT_ATTACH_TITLE: u32 = 0x0001_8010;
const ATT_ATTACH_DATA: u32 = 0x0006_800F;

/// Returns the files; what is broken ends the list.
pub fn files(stream: &[u8]) -> Vec<File<'_>> {
    let mut files = Vec::new();
    let Some((signature, rest)) = u32_at(stream) else { return files };
    if signature != SIGNATURE || rest.len() < 2 {
        return files;
    }
    let mut rest = &rest[2..];
    let mut name = String::new();
    while let Some((level, id, data, behind)) = attribute(rest) {
        if level == LEVEL_ATTACHMENT {
            match id {
                // Each file begins with its rendering data.
                ATT_ATTACH_REND_DATA => name.clear(),
                ATT_ATTACH_TITLE => name = super::charset::decode(data, None),
                ATT_ATTACH_DATA => {
                    let name = if name.is_empty() { "attachment.bin".to_string() } else { name.clone() };
                    files.push(File { name, content: data });
                }
                _ => {}
            }
        }
        rest = behind;
    }
    files
}

fn u32_at(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn attribute(bytes: &[u8]) -> Option<(u8, u32, &[u8], &[u8])> {
    let (level, rest) = bytes.split_first()?;
    let (id, rest) = u32_at(rest)?;
    let (length, rest) = u32_at(rest)?;
    let (data, rest) = rest.split_at_checked(length as usize)?;
    let (_checksum, rest) = rest.split_at_checked(2)?;
    Some((*level, id, data, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_8_files_of_a_winmail_dat_and_garbage() {
        let mut stream = SIGNATURE.to_le_bytes().to_vec();
        stream.extend([0, 0]);
        for (id, data) in [(ATT_ATTACH_REND_DATA, b"x".as_slice()), (ATT_ATTACH_TITLE, b"a.txt\0"), (ATT_ATTACH_DATA, b"hello")] {
            stream.push(LEVEL_ATTACHMENT);
            stream.extend(id.to_le_bytes());
            stream.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
            stream.extend(data);
            stream.extend([0, 0]);
        }
        let found = files(&stream);
        assert_eq!((found.len(), found[0].name.as_str(), found[0].content), (1, "a.txt", b"hello".as_slice()));
        for end in 0..stream.len() {
            files(&stream[..end]);
        }
    }
}
