//! "On …, … wrote:" in the languages of mail programs.

/// "wrote": the word that an attribution has.
#[rustfmt::skip]
pub const WROTE: &[&str] = &[
    "wrote", "writes",
    "schrieb", "schreibt", "geschrieben", "hat geschrieben",
    "a écrit", "écrit", "a ecrit", "écrivait",
    "escribió", "escribio", "ha escrito", "va escriure", "ha escrit",
    "escreveu", "escreveram",
    "ha scritto", "scrisse", "scrive",
    "schreef", "het volgende geschreven", "skriuwde",
    "napisał", "napisała", "napisał(a)", "napisal", "napisal(a)", "pisze", "napisana przez",
    "написал", "написала", "написал(а)", "пишет", "писал", "писала", "писал(а)", "вы писали",
    "написав", "написала", "написав(ла)", "написав(-ла)", "написав (-ла)", "пише", "пишуть", "напісаў", "написа",
    "napsal", "napsala", "napsal(a)", "napsal/a", "napísal", "napísala", "napísal(a)", "je napisao", "je napisao/la", "je napisala", "je napisao(la)", "napisao je", "napisala je", "napisala", "је написао", "је написала", "је написао/ла",
    "skrev", "skrev följande", "skrev følgende", "skreiv",
    "kirjoitti", "kirjutas", "rašė", "rakstīja",
    "írta", "ezt írta", "a következőt írta",
    "yazdı", "yazmış", "şunları yazdı", "şunu yazdı",
    "έγραψε", "έγραψαν",
    "כתב", "כתבה", "כתב/ה",
    "كتب", "كتبت", "كتب/ت",
    "đã viết", "viết",
    "a scris", "menulis", "เขียนว่า", "ने लिखा",
    "書きました", "のメール", "のメッセージ", "さんからのメッセージ",
    "写道", "寫道", "书写", "编写", "撰寫", "來信", "来信",
    "작성", "님이 작성", "썼습니다", "님이 씀", "쓴 글", "نوشت", "idatzi du", "skrifaði",
];

/// "said": what attributions say as well, and people in their own sentences more often.
#[rustfmt::skip]
pub const SAID: &[&str] = &[
    "said", "says", "sagte", "meinte", "a dit", "dijo", "ha dicho", "disse", "ha detto", "zei", "powiedział", "powiedziała", "powiedział(a)", "сказал", "сказала", "сказал(а)", "сказав", "řekl", "řekla", "sade", "sa", "sagde", "sanoi", "mondta", "dedi", "είπε", "a spus", "说", "說", "说道",
];

/// How people say that they wrote themselves, and to whom.
#[rustfmt::skip]
pub const OWN: &[&str] = &[
    " i wrote", " i have written", " i had written", " i sent", " i mailed", " i asked", " we wrote", " we sent", " wrote to ", " sent to ",
    " ich ", " wir ", " habe an ", " haben an ", " j'ai ", " j’ai ", " nous avons ", " je vous ", " he escrito ", " hemos escrito ", " escribí ", " ho scritto ", " abbiamo scritto ", " escrevi ", " enviei ",
    " ik ", " heb ik ", " napisałem", " napisałam", " pisałem", " pisałam", " я писал", " я написал", " мы писали", " jag skrev", " jeg skrev", " vi skrev", " kirjoitin ", " napsal jsem", " napsala jsem", " psal jsem", " írtam ", " yazdım",
];

/// How an attribution begins that stands behind an answer on its line.
pub const INNER_OPENERS: &[&str] = &[
    "On ",
    "Am ",
    "Le ",
    "El ",
    "Il ",
    "Em ",
    "Op ",
    "Den ",
    "Dne ",
    "Dňa ",
    "W dniu ",
    "Dnia ",
    "На ",
    "В ",
    "På ",
    "Στις ",
    "Vào ",
    "Pe ",
    "Dana ",
    "Pada ",
];

/// How an attribution begins.
#[rustfmt::skip]
pub const OPENERS: &[&str] = &[
    "on ", "at ", "in message ", "in article ", "quoting ", "le ", "el ", "a las ", "el dia ", "em ", "il ", "il giorno ", "in data ",
    "am ", "zitat von ", "von: ", "op ", "w dniu ", "dnia ", "wiadomość napisana ", "den ", "dne ", "dňa ", "på ", "στις ", "vào ", "lúc ",
    "pe ", "dana ", "ma ", "no dia ", "pada ", "om ", "в ", "від ", "от ", "zo ", "u ", "ב-", "בתאריך ", "في ", "بتاريخ ",
    "在", "于", "於", "tarihinde ",
    // The day of the week.
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo.", "di.", "mi.", "do.", "fr.", "sa.", "so.", "lun", "mar", "mer", "jeu", "ven", "sam", "dim",
    "mié", "jue", "vie", "sáb", "dom", "seg", "ter", "qua", "qui", "sex", "gio", "ma ", "wo ", "vr ", "za ", "pon", "wt.", "śr", "czw", "pt.", "sob", "niedz",
    "пн", "вт", "ср", "чт", "пт", "сб", "нд", "вс", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье", "понеділок", "неділя",
    "po ", "út ", "st ", "čt ", "pá ", "so ", "ne ", "mån", "tis", "ons", "tors", "lör", "sön", "man", "tir", "tor", "lør", "søn", "ti ", "ke ", "to ", "pe ", "la ", "su ",
    "δευ", "τρί", "τετ", "πέμ", "παρ", "σάβ", "κυρ", "pzt", "sal", "çar", "per", "cum", "cmt", "paz",
];
