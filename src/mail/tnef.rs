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
const ATT_ATTACHMENT: u32 = 0x0006_9005;

/// The most files that are listed: an empty one takes eleven bytes.
const FILES: usize = 1_000;

/// Returns the files; what is broken ends the list.
pub fn files(stream: &[u8]) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    let Some((SIGNATURE, rest)) = u32_at(stream) else { return files };
    let mut rest = rest.get(2..).unwrap_or_default();
    let mut name = String::new();
    while let Some((level, id, data, behind)) = attribute(rest)
        && files.len() < FILES
    {
        match id {
            _ if level != LEVEL_ATTACHMENT => {}
            // Each file begins with its rendering data.
            ATT_ATTACH_REND_DATA => name.clear(),
            ATT_ATTACH_TITLE => name = super::charset::decode(data, None),
            ATT_ATTACH_DATA => files.push(File { name: name.clone(), content: data }),
            // Behind the data; the title may be a short name of DOS.
            ATT_ATTACHMENT => {
                if let (Some(file), Some(name)) = (files.last_mut(), long_name(data)) {
                    file.name = name;
                }
            }
            _ => {}
        }
        rest = behind;
    }
    files
}

/// Finds PidTagAttachLongFilename ([MS-OXPROPS]) among the properties of a file: the tag, a count of one, the length in
/// bytes, the name. Looked for and not parsed: the properties before it have many forms.
fn long_name(properties: &[u8]) -> Option<String> {
    for (tag, is_utf_16) in [([0x1F, 0, 0x07, 0x37], true), ([0x1E, 0, 0x07, 0x37], false)] {
        let Some(at) = memchr::memmem::find(properties, &tag) else { continue };
        let (_count, rest) = u32_at(properties.get(at + 4..)?)?;
        let (length, rest) = u32_at(rest)?;
        let name = super::charset::decode(rest.get(..length as usize)?, is_utf_16.then_some("utf-16le"));
        return Some(name).filter(|name| !name.is_empty());
    }
    None
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
        for (id, data) in [
            (ATT_ATTACH_REND_DATA, b"x".as_slice()),
            (ATT_ATTACH_TITLE, b"LONGNA~1.TXT\0"),
            (ATT_ATTACH_DATA, b"hello"),
            (ATT_ATTACHMENT, b"\x01\0\0\0\x1e\0\x07\x37\x01\0\0\0\x0e\0\0\0long name.txt\0\0\0"),
        ] {
            stream.push(LEVEL_ATTACHMENT);
            stream.extend(id.to_le_bytes());
            stream.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
            stream.extend(data);
            stream.extend([0, 0]);
        }
        let found = files(&stream);
        assert_eq!((found.len(), found[0].name.as_str(), found[0].content), (1, "long name.txt", b"hello".as_slice()));
        for end in 0..stream.len() {
            files(&stream[..end]);
        }
    }
}
