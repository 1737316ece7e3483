//! How programs and people sign.

/// How a program signs by itself.
#[rustfmt::skip]
pub const SENT_FROM: &[&str] = &[
    "sent from my ", "sent from ", "sent via ", "sent using ", "sent with ", "sent on the go", "sent by ", "sent out from ", "from my ", "get outlook for ", "get [outlook for ", "sending from ", "composed on ", "typed on ", "written on my ", "mailed from ", "download outlook",
    "von meinem ", "von meiner ", "von unterwegs", "gesendet von ", "gesendet mit ", "gesendet über ", "gesendet via ", "gesendet aus ", "versendet mit ", "verschickt mit ", "verfasst mit ", "geschickt von ", "diese nachricht wurde von ", "diese nachricht wurde mit ", "outlook für ", "holen sie sich outlook", "hol dir outlook", "laden sie outlook",
    "envoyé de mon ", "envoyé de ma ", "envoyé depuis ", "envoyé à partir ", "envoyé avec ", "envoyé via ", "envoyé par ", "obtenez outlook pour ", "obtenir outlook pour ", "télécharger outlook", "téléchargez outlook", "provenance : courrier", "provenance : ",
    "enviado desde ", "enviado de mi ", "enviado con ", "enviado mediante ", "enviado por ", "obtener outlook para ", "obtén outlook para ", "enviat des ",
    "enviado do ", "enviado da ", "enviado de ", "enviado a partir ", "enviado via ", "enviado pelo ", "enviado através ", "obter o outlook ", "obtenha o outlook ", "obtenha outlook ",
    "inviato da ", "inviato dal ", "inviato dall'", "inviato con ", "inviata da ", "ottieni outlook per ", "scarica outlook per ",
    "verzonden vanaf ", "verstuurd vanaf ", "verzonden met ", "verzonden vanuit ", "verstuurd met ", "verstuurd vanuit ", "verzonden via ", "verzonden door ", "verstuurd via ", "outlook voor ", "download outlook voor ",
    "wysłane z ", "wysłano z ", "wysłane ze ", "wysłano za pomocą ", "wysłane przy użyciu ", "pobierz program outlook", "pobierz aplikację outlook", "uzyskaj program outlook", "uzyskaj outlook",
    "отправлено с ", "отправлено из ", "отправлено через ", "отправлено мобильной", "отправлено от ", "получить outlook для ", "скачать outlook", "послано с ",
    "надіслано з ", "надіслано із ", "надіслано зі ", "відправлено з ", "відправлено із ", "надіслано через ", "отримати outlook для ", "отримайте outlook для ",
    "odesláno z ", "odesláno ze ", "odesláno pomocí ", "odoslané z ", "odoslané zo ", "získat outlook pro ", "získejte outlook", "poslano z ", "poslano s ", "poslano sa ", "trimis de pe ", "trimis din ", "obțineți outlook pentru ",
    "skickat från ", "skickades från ", "skickat via ", "skickat med ", "hämta outlook för ", "skaffa outlook för ", "sendt fra ", "sendt via ", "sendt med ", "hent outlook ", "få outlook ", "skaff deg outlook ", "last ned outlook", "sendt ifra ",
    "lähetetty ", "hanki outlook ", "hae outlook ", "saadetud ", "elküldve ", "küldve ", "a levelet küldte ", "az outlook beszerzése", "töltse le az outlook", "στάλθηκε από ", "αποστολή από ", "εστάλη από ", "λήψη του outlook ", "αποκτήστε το outlook ",
    "נשלח מ", "קבל את outlook", "השג את outlook", "أُرسلت من ", "أرسلت من ", "أُرسل من ", "أرسل من ", "مرسل من ", "تم الإرسال من ", "الحصول على outlook", "احصل على outlook", "được gửi từ ", "đã gửi từ ", "gửi từ ", "tải outlook", "dikirim dari ", "terkirim dari ",
    "发自我的", "发自", "從我的", "寄自我的", "寄自", "来自我的", "发送自", "傳送自", "獲取", "获取", "取得 outlook", "通过我的", "나의 ", "내 ", "iphoneから送信", "送信元 ", "outlook for ",
];

/// How the same is said with the device first.
#[rustfmt::skip]
pub const SENT_FROM_END: &[&str] = &[
    "から送信", "から送信されました", "を入手", "を入手する", "에서 보냄", "에서 보냈습니다", "에서 전송", "에서 발송", "傳送", "发送", "寄出", "送信",
    "gesendet", "gesendet.", "geschickt", "ról küldve", "ről küldve", "ról küldöm", "ból küldve", "ből küldve", "dan gönderildi", "den gönderildi", "tan gönderildi", "ten gönderildi", "ile gönderildi", "dan gönderilmiştir", "den gönderilmiştir", "edinin", "indir", "lähetetty", "lähettänyt", "sendt", "sent.",
];

/// What such a line names.
#[rustfmt::skip]
pub const DEVICES: &[&str] = &[
    "iphone", "ipad", "ipod", "iphon", "ios", "macbook", "imac", "apple", "watch", "vision pro", "android", "samsung", "galaxy", "pixel", "nexus", "huawei", "honor", "xiaomi", "redmi", "oneplus", "oppo", "vivo", "realme", "motorola", "moto ", "nokia", "lumia", "htc", "sony", "xperia", "fairphone", "wiko", "zte", "alcatel", "lg ", "lenovo", "acer", "asus",
    "outlook", "blackberry", "mobile", "mobil", "mobiel", "móvil", "móvel", "celular", "cellulare", "mobilni", "mobiltelefon", "handy", "phone", "telefon", "telefoon", "téléphone", "teléfono", "telefone", "telefono", "телефон", "смартфон", "smartphone", "tablet", "tablette", "cell", "device", "gerät", "toestel", "appareil", "dispositivo", "enhet", "matkapuhelim", "puhelim", "mailbox", "mail", "courrier", "correo", "почт", "пошт", "пошти",
    "windows", "linux", "ubuntu", "k-9", "k9", "thunderbird", "gmail", "yahoo", "aol", "zoho", "proton", "tutanota", "tuta", "spark", "superhuman", "airmail", "newton", "polymail", "mailspring", "canary", "edison", "bluemail", "typeapp", "nine", "aqua", "fairemail", "zimbra", "web.de", "gmx", "free", "orange", "laposte", "sfr", "t-online", "yandex", "яндекс", "mail.ru", "hotmail", "msn", "hey", "front", "missive", "helpscout", "intercom", "mobiltelefón", "手机", "手機", "iphone", "邮箱", "郵箱", "スマートフォン", "携帯", "휴대폰", "휴대전화", "모바일", "الهاتف", "هاتفي", "جوال", "điện thoại", "κινητό", "נייד", "טלפון",
];

/// How letters close.
#[rustfmt::skip]
pub const CLOSINGS: &[&str] = &[
    "best regards", "kind regards", "kindest regards", "warm regards", "warmest regards", "many regards", "with regards", "with kind regards", "with best regards", "regards", "best", "all the best", "best wishes", "with best wishes", "many thanks and best regards", "cheers", "sincerely", "sincerely yours", "yours sincerely", "yours truly", "yours faithfully", "yours", "respectfully", "cordially", "rgds", "br", "kr",
    "thanks and regards", "thanks & regards", "thank you and regards", "thanks and best regards", "thanks and kind regards", "thank you and best regards", "thanks & best regards",
    "mit freundlichen grüßen", "mit freundlichen grüssen", "mit freundlichen gruessen", "mit freundlichem gruß", "mit freundlichem gruss", "mit besten grüßen", "mit besten grüssen", "mit herzlichen grüßen", "mit vielen grüßen", "mit lieben grüßen", "freundliche grüße", "freundliche grüsse", "viele grüße", "viele grüsse", "beste grüße", "beste grüsse", "liebe grüße", "liebe grüsse", "herzliche grüße", "herzliche grüsse", "schöne grüße", "freundlichen gruß", "besten gruß", "gruß", "grüße", "hochachtungsvoll", "mfg", "lg", "vg",
    "cordialement", "bien cordialement", "très cordialement", "bien à vous", "salutations", "meilleures salutations", "sincères salutations", "salutations distinguées", "salutations cordiales", "bien sincèrement", "sincèrement", "amicalement", "respectueusement", "cdt", "cdlt", "crdt",
    "saludos", "un saludo", "saludos cordiales", "un cordial saludo", "cordiales saludos", "atentamente", "atte", "muy atentamente", "cordialmente", "un abrazo", "salutacions", "salutacions cordials",
    "atenciosamente", "att", "cumprimentos", "os melhores cumprimentos", "com os melhores cumprimentos", "melhores cumprimentos", "com cumprimentos", "saudações", "abraços", "cordiais saudações", "respeitosamente",
    "cordiali saluti", "distinti saluti", "saluti", "un saluto", "cordialità", "un cordiale saluto",
    "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "vriendelijke groeten", "met hartelijke groet", "hartelijke groet", "hartelijke groeten", "groeten", "groet", "mvg", "hoogachtend",
    "pozdrawiam", "pozdrawiam serdecznie", "serdecznie pozdrawiam", "z poważaniem", "z wyrazami szacunku", "z powazaniem", "pozdrowienia",
    "с уважением", "с наилучшими пожеланиями", "с наилучшими", "с приветом", "искренне ваш", "всего доброго", "всего наилучшего", "з повагою", "з найкращими побажаннями", "щиро ваш", "з найкращими", "с уважение", "поздрави", "з павагай",
    "s pozdravem", "se srdečným pozdravem", "s přátelským pozdravem", "s přáním hezkého dne", "s pozdravom", "s úctou", "srdačan pozdrav", "lijep pozdrav", "lep pozdrav", "s poštovanjem", "cu stimă", "cu respect", "cu drag", "o zi bună",
    "med vänliga hälsningar", "med vänlig hälsning", "vänliga hälsningar", "vänlig hälsning", "hälsningar", "hälsning", "bästa hälsningar", "mvh", "med venlig hilsen", "venlig hilsen", "venlige hilsner", "med venlige hilsner", "de bedste hilsner", "hilsen", "vennlig hilsen", "med vennlig hilsen", "beste hilsen", "hilsning", "vh", "kh",
    "ystävällisin terveisin", "parhain terveisin", "terveisin", "lugupidamisega", "parimate soovidega", "pagarbiai", "ar cieņu",
    "üdvözlettel", "tisztelettel", "szívélyes üdvözlettel", "üdv", "köszönettel", "saygılarımla", "saygılarımızla", "iyi çalışmalar", "sevgiler", "selamlar",
    "με εκτίμηση", "φιλικά", "με φιλικούς χαιρετισμούς", "ευχαριστώ", "בברכה", "בכבוד רב", "תודה", "مع التحية", "مع أطيب التحيات", "مع خالص التحية", "تحياتي", "أطيب التحيات", "مع الشكر", "trân trọng", "thân mến", "kính thư", "salam", "hormat kami",
    "よろしくお願いいたします", "よろしくお願い致します", "宜しくお願いいたします", "宜しくお願い致します", "よろしくお願いします", "敬具", "以上", "此致", "敬礼", "祝好", "顺祝商祺", "此致敬礼", "敬上", "謝謝", "감사합니다", "감사합니다.", "드림", "안녕히 계세요",
];

/// What stands in the notes that firms and lists put below.
#[rustfmt::skip]
pub const NOTES: &[&str] = &[
    "confidential", "intended recipient", "intended only", "disclaimer", "unsubscribe", "mailing list", "before printing", "scanned for viruses", "virus-free", "registered office", "company number", "vertraulich", "geschäftsführer", "handelsregister", "amtsgericht", "ust-id", "bevor sie diese", "confidentiel", "destinataire exclusif", "avant d'imprimer", "confidencial", "antes de imprimir", "riservat", "riservatezza", "vertrouwelijk", "poufn", "конфиденциальн", "důvěrn", "luottamuksell", "konfidentiell", "fortrolig", "gizli", "機密", "保密",
];
