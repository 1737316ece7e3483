//! The names of header fields as mail programs write them above a quoted message.

/// The kinds of lines that a quoted header has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    From,
    Date,
    To,
    Cc,
    Subject,
    Other,
}

#[rustfmt::skip]
const FROM: &[&str] = &[
    "from", "sender", "von", "absender", "de", "expéditeur", "remitente", "da", "remetente", "mittente", "od", "nadawca", "van", "afzender",
    "от", "от кого", "отправитель", "від", "від кого", "відправник", "odesílatel", "odosielateľ", "från", "avsändare", "fra", "afsender", "avsender",
    "lähettäjä", "keneltä", "feladó", "kimden", "gönderen", "από", "αποστολέας", "מאת", "من", "المرسل", "từ", "người gửi", "de la", "expeditor", "šalje", "pošiljatelj", "saatja", "dari", "จาก", "nuo", "frá",
    "差出人", "送信元", "送信者", "发件人", "發件人", "寄件者", "寄件人", "보낸 사람", "보낸사람", "발신", "발신자",
];
#[rustfmt::skip]
const DATE: &[&str] = &[
    "date", "sent", "sent on", "received", "time", "datum", "gesendet", "gesendet am", "gesendet um", "envoyé", "envoyé le", "envoye", "envoye le", "date d'envoi", "message du", "enviado", "enviado el", "enviado a las", "fecha", "fecha de envío",
    "enviada em", "enviado em", "enviada", "enviado a", "data", "data de envio", "inviato", "inviato il", "data invio", "verzonden", "verzonden op", "verstuurd",
    "wysłano", "wysłane", "data wysłania", "отправлено", "дата", "дата отправки", "дата и время", "надіслано", "відправлено", "skickat", "datum och tid", "sendt", "dato", "sendt den", "lähetetty", "päivämäärä", "päiväys",
    "elküldve", "dátum", "küldés dátuma", "küldve", "gönderildi", "gönderme tarihi", "gönderilme tarihi", "tarih", "στάλθηκε", "ημερομηνία", "εστάλη", "נשלח", "תאריך", "تاريخ الإرسال", "التاريخ", "تاريخ",
    "ngày", "đã gửi", "ngày gửi", "odesláno", "odoslané", "trimis", "trimise", "dată", "poslano", "saadetud", "tanggal", "dikirim", "วันที่", "ส่ง", "изпратено", "изпратена", "išsiųsta", "nosūtīts", "enviat el", "enviat", "poslato", "تم الإرسال", "sent þann",
    "送信日時", "日付", "日時", "发送时间", "發送時間", "发送日期", "日期", "时间", "時間", "寄件日期", "傳送時間", "已发送", "已傳送", "보낸 날짜", "보낸날짜", "날짜", "보냄", "보낸 시간", "발신일시",
];
#[rustfmt::skip]
const TO: &[&str] = &[
    "to", "recipient", "an", "empfänger", "à", "destinataire", "para", "destinatario", "destinatário", "a", "per", "aan", "ontvanger", "do", "adresat", "кому", "получатель", "одержувач", "till", "mottagare", "til", "modtager", "mottaker",
    "vastaanottaja", "kenelle", "címzett", "kime", "alıcı", "προς", "אל", "إلى", "الى", "المستلم", "tới", "đến", "người nhận", "komu", "pre", "prima", "către", "za", "kellele", "adressaat", "kepada", "ถึง", "до", "kam", "per a",
    "宛先", "收件人", "收件者", "받는 사람", "받는사람", "수신", "수신자",
];
#[rustfmt::skip]
const CC: &[&str] = &[
    "cc", "bcc", "kopie", "kopie (cc)", "copie", "copie à", "cópia", "copia", "c.c.", "копия", "копія", "dw", "do wiadomości", "kopia", "kopio", "másolat", "másolatot kap", "bilgi", "kopi",
    "κοιν", "κοινοποίηση", "עותק", "نسخة", "抄送", "副本", "참조", "写し",
];
#[rustfmt::skip]
const SUBJECT: &[&str] = &[
    "subject", "betreff", "objet", "sujet", "betrifft", "asunto", "assunto", "oggetto", "onderwerp", "temat", "тема", "ämne", "emne", "aihe", "tárgy", "konu", "θέμα", "נושא", "الموضوع", "chủ đề", "tiêu đề",
    "předmět", "predmet", "subiect", "naslov", "teema", "assumpte", "subjek", "perihal", "เรื่อง", "zadeva", "относно", "tema", "tēma", "efni", "件名", "题名", "主题", "主旨", "主題", "제목",
];
#[rustfmt::skip]
const OTHER: &[&str] = &[
    "reply-to", "reply to", "importance", "priority", "attachments", "attachment", "antwort an", "anlagen", "anhänge", "répondre à", "pièces jointes", "responder a", "rispondi a", "risposta", "antwoord aan", "odpowiedz do", "svar til", "svara till", "categories", "kategorien", "sensitivity", "x-priority", "return-path", "organization", "organisation", "wichtigkeit", "priorität",
    "newsgroups", "message-id", "x-mailer", "添付ファイル", "重要度", "附件", "첨부",
];

/// Returns what kind of header line a label in lower case names.
pub fn label(text: &str) -> Option<Label> {
    let tables = [
        (FROM, Label::From),
        (DATE, Label::Date),
        (SUBJECT, Label::Subject),
        (TO, Label::To),
        (CC, Label::Cc),
        (OTHER, Label::Other),
    ];
    tables.iter().find(|(words, _)| words.contains(&text)).map(|(_, label)| *label)
}
