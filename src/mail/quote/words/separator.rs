//! What stands in a line of dashes between a reply and the message before it.

/// Before a quoted message.
#[rustfmt::skip]
pub const ORIGINAL: &[&str] = &[
    "original message", "original", "reply message", "reply separator", "original email", "original e-mail", "original mail", "originalmail", "original appointment", "previous message", "end original message", "message from",
    "ursprüngliche nachricht", "ursprungliche nachricht", "urspruengliche nachricht", "originalnachricht", "original-nachricht", "original nachricht", "ursprüngliche mail", "ursprüngliche e-mail", "antwort nachricht", "originaltermin", "ursprünglicher termin",
    "message d'origine", "message d’origine", "message original", "mail original", "message initial", "courriel original", "rendez-vous d'origine", "message de réponse", "e-mail d'origine", "e-mail d’origine", "mail d'origine", "mail d’origine",
    "mensaje original", "correo original", "cita original", "mensagem original", "messaggio originale", "messaggio originario", "missatge original",
    "oorspronkelijk bericht", "origineel bericht", "oorspronkelijke bericht", "oorspronkelijke e-mail",
    "oryginalna wiadomość", "wiadomość oryginalna", "oryginalny e-mail", "wiadomość pierwotna",
    "исходное сообщение", "оригинальное сообщение", "исходное письмо", "первоначальное сообщение", "оригинал сообщения", "оригинальное письмо",
    "оригінальне повідомлення", "вихідне повідомлення", "початкове повідомлення", "оригінал повідомлення",
    "původní zpráva", "původní e-mail", "pôvodná správa", "izvorna poruka", "originalna poruka", "izvirno sporočilo", "mesaj original", "mesajul original",
    "ursprungligt meddelande", "originalmeddelande", "oprindelig meddelelse", "oprindelig besked", "original meddelelse", "original besked", "opprinnelig melding", "opprinnelig meddelelse", "original melding", "opphavleg melding",
    "alkuperäinen viesti", "alkuperäinen sähköposti", "algne kiri", "eredeti üzenet", "eredeti levél", "özgün ileti", "orijinal mesaj", "orijinal ileti", "asıl mesaj",
    "αρχικό μήνυμα", "הודעה מקורית", "ההודעה המקורית", "الرسالة الأصلية", "رسالة أصلية", "thư gốc", "tin nhắn gốc", "pesan asli", "ข้อความต้นฉบับ",
    "元のメッセージ", "元のメール", "original message 元のメッセージ", "原始邮件", "原始郵件", "原邮件", "邮件原件", "原始信件", "原始訊息", "原始消息", "回复的原邮件", "回复的邮件", "원본 메시지", "원본 메일", "원본메시지",
];

/// Before a message that is passed on.
#[rustfmt::skip]
pub const FORWARDED: &[&str] = &[
    "forwarded message", "begin forwarded message", "forwarded by", "forwarded email", "forwarded mail", "start of forwarded message",
    "weitergeleitete nachricht", "anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail", "weitergeleitet von", "weitergeleitete e-mail",
    "message transféré", "début du message réexpédié", "début du message transféré", "message transmis", "transféré par",
    "mensaje reenviado", "inicio del mensaje reenviado", "reenviado por", "mensagem encaminhada", "mensagem reencaminhada", "início da mensagem reencaminhada", "início da mensagem encaminhada", "encaminhado por",
    "messaggio inoltrato", "inizio messaggio inoltrato", "inizio del messaggio inoltrato", "doorgestuurd bericht", "begin doorgestuurd bericht", "missatge reenviat",
    "przekazana wiadomość", "wiadomość przekazana", "początek przekazywanej wiadomości", "treść przekazanej wiadomości",
    "пересылаемое сообщение", "пересланное сообщение", "начало переадресованного сообщения", "начало пересылаемого сообщения", "переслане повідомлення", "початок пересланого повідомлення", "початок листа, що пересилається",
    "přeposlaná zpráva", "začátek přeposílané zprávy", "preposlaná správa", "proslijeđena poruka", "mesaj redirecționat",
    "vidarebefordrat meddelande", "vidarebefordrat brev", "videresendt meddelelse", "videresendt besked", "start på videresendt besked", "videresendt melding", "videresendt e-post", "start på vidaresendt melding",
    "välitetty viesti", "välitetty viesti alkaa", "edelleenlähetetty viesti", "továbbított üzenet", "továbbított levél", "yönlendirilmiş ileti", "iletilen mesaj", "iletilmiş mesaj", "yönlendirilen mesaj",
    "προωθημένο μήνυμα", "προωθημένο μήνυμα αρχίζει", "הודעה שהועברה", "رسالة مُعاد توجيهها", "رسالة معاد توجيهها", "thư đã chuyển tiếp", "thư được chuyển tiếp", "tin nhắn được chuyển tiếp", "pesan terusan",
    "转发的邮件", "转发邮件", "转发邮件信息", "轉寄的郵件", "轉寄郵件", "开始转发的邮件", "開始轉寄郵件", "以下是转发的邮件", "転送されたメッセージ", "転送メッセージ", "転送メール", "전달된 메시지", "전달된 메일",
];

/// What asks to write the reply above: in a line of its own, between marks.
#[rustfmt::skip]
pub const ABOVE: &[&str] = &[
    "above this line", "above the line", "above this text", "reply above here", "below this line will be ignored",
    "oberhalb dieser zeile", "über dieser zeile", "über diese zeile", "oberhalb dieser linie", "au-dessus de cette ligne", "au dessus de cette ligne",
    "por encima de esta línea", "sobre esta línea", "encima de esta línea", "arriba de esta línea", "acima desta linha", "acima dessa linha", "sopra questa riga", "sopra questa linea", "al di sopra di questa riga",
    "boven deze lijn", "boven deze regel", "powyżej tej linii", "nad tą linią", "nad tym wierszem", "над этой строкой", "выше этой строки", "над этой линией", "над цим рядком", "вище цього рядка",
    "nad tento řádek", "nad tímto řádkem", "nad tento riadok", "ovanför denna rad", "ovanför den här raden", "over denne linje", "over denne linjen", "tämän rivin yläpuolelle", "e fölé a sor fölé", "e sor fölé", "bu satırın üzerine", "bu satırın üstüne",
    "πάνω από αυτήν τη γραμμή", "πάνω από αυτή τη γραμμή", "מעל שורה זו", "מעל לשורה זו", "فوق هذا السطر", "phía trên dòng này", "trên dòng này",
    "この行より上", "この線より上", "この行の上", "在此行上方", "在此行以上", "在此線上方", "在此行之上", "此行以上", "이 줄 위에", "이 선 위에",
];
