//! What delivery reports that are written for people say, by those who write them and in their subject and text: read by
//! one automaton in one walk, however many phrases there are. All phrases are in lower case.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Authors of reports: local parts and names.
pub const DAEMONS: [&str; 15] = [
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "maildaemon",
    "mailer daemon",
    "postmaster",
    "mail delivery s",
    "mail delivery system",
    "mail delivery subsystem",
    "mail administrator",
    "mdaemon",
    "internet mail delivery",
    "delivery subsystem",
    "microsoft outlook",
    "system administrator",
];

/// What the local part of a machine has, without punctuation: a gateway, a scanner, an address that nobody reads. Alone it
/// proves nothing.
pub const MACHINES: [&str; 20] = [
    "postmaster",
    "mailservice",
    "mailsystem",
    "mailgate",
    "mailgw",
    "mailscanner",
    "mailserver",
    "mailrelay",
    "mailadmin",
    "gateway",
    "noreply",
    "donotreply",
    "nichtantworten",
    "smtp",
    "daemon",
    "bounce",
    "antivirus",
    "antispam",
    "administrator",
    "sysadmin",
];

/// What is the whole local part of a machine, or of somebody who runs one.
pub const MACHINES_ALONE: [&str; 5] = ["admin", "system", "server", "mailer", "mta"];

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Sense {
    /// Words of the subject of a report.
    Subject = 1,
    /// It did not arrive.
    Failure = 2,
    /// It may pass.
    Soft = 4,
    /// The mailbox has no room.
    Full = 8,
    /// The message only waits.
    Delay = 16,
    /// There is no such recipient.
    Unknown = 32,
    /// There is no such host.
    NoHost = 64,
    /// The account is out of use.
    Disabled = 128,
    /// It was tried for too long.
    Expired = 256,
    /// The host was not to be reached.
    Unreached = 512,
    /// It was refused for what it is or whence it comes, not for the address.
    Policy = 1024,
    /// It is mail that it speaks of, and no parcel.
    Mail = 2048,
    /// The domain takes no mail, by its own word (RFC 7505).
    NoMail = 4096,
    /// It is mail of the reader's that it speaks of.
    YourMail = 8192,
}

/// All that a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said(u16);

impl Said {
    /// Reads a text, which is in lower case.
    pub fn of(text: &str) -> Self {
        let (automaton, senses) = &*AUTOMATON;
        let found = automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text));
        Self(found.filter_map(|found| senses.get(found.pattern().as_usize())).fold(0, |said, sense| said | sense))
    }

    pub fn has(self, sense: Sense) -> bool {
        self.0 & sense as u16 != 0
    }

    /// Whether it says that something did not arrive, in whatever words.
    pub fn is_failure(self) -> bool {
        [Sense::Failure, Sense::Full, Sense::Unknown, Sense::NoHost, Sense::Disabled, Sense::Expired, Sense::Delay]
            .iter()
            .any(|sense| self.has(*sense))
    }

    /// Whether it means that it may pass.
    pub fn is_soft(self) -> bool {
        [Sense::Soft, Sense::Full, Sense::Expired, Sense::Unreached].iter().any(|sense| self.has(*sense))
    }
}

/// None only if the phrases were too many for it.
static AUTOMATON: LazyLock<(Option<AhoCorasick>, Vec<u16>)> = LazyLock::new(|| {
    let tables = [
        (SUBJECTS, Sense::Subject),
        (FAILURES, Sense::Failure),
        (SOFT, Sense::Soft),
        (FULL, Sense::Full),
        (DELAYS, Sense::Delay),
        (UNKNOWN, Sense::Unknown),
        (NO_HOST, Sense::NoHost),
        (DISABLED, Sense::Disabled),
        (EXPIRED, Sense::Expired),
        (UNREACHED, Sense::Unreached),
        (POLICY, Sense::Policy),
        (MAIL, Sense::Mail),
        (NO_MAIL, Sense::NoMail),
        (YOUR_MAIL, Sense::YourMail),
    ];
    let phrases = || tables.iter().flat_map(|(phrases, sense)| phrases.iter().map(move |phrase| (*phrase, *sense as u16)));
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(phrases().map(|(phrase, _)| phrase));
    (automaton.ok(), phrases().map(|(_, sense)| sense).collect())
});

/// What stands in the subject of a report.
#[rustfmt::skip]
const SUBJECTS: &[&str] = &[
    "undeliverable", "undelivered", "undeliver", "delivery status notification", "delivery notification", "delivery failure", "delivery failed", "delivery error",
    "delivery problem", "delivery report", "delivery unsuccessful", "delivery has failed", "delivery delay", "delivery incomplete", "delayed mail", "mail delivery failed",
    "mail delivery failure", "mail delivery system", "mail delivery warning", "mail system error", "mail could not be delivered", "message could not be delivered", "message not delivered", "not delivered", "could not be delivered",
    "cannot be delivered", "couldn't be delivered", "returned mail", "returned message", "returned to sender", "returning to sender", "failed mail", "mail failed", "delivery warning", "failure notice",
    "failure delivery", "non-delivery", "nondelivery", "nondeliverable", "non deliverable", "message delivery", "warning: could not send", "warning: message", "user unknown", "unable to deliver", "mail not delivered", "bounced mail", "rejected mail",
    "unzustellbar", "nicht zugestellt", "zustellung", "zustellfehler", "nicht zustellbar", "unzustellbare", "konnte nicht zugestellt", "mailzustellung",
    "non remis", "échec de remise", "échec de la remise", "échec d'envoi", "échec d’envoi", "échec de distribution", "non distribué", "non distribuable", "état de remise", "échec de livraison", "message non délivré",
    "no se puede entregar", "no se ha podido entregar", "no se pudo entregar", "no entregado", "error de entrega", "fallo de entrega", "fallo en la entrega", "error en la entrega", "correo devuelto", "mensaje devuelto",
    "não entregue", "falha na entrega", "falha de entrega", "erro de entrega", "mensagem devolvida", "não foi possível entregar",
    "mancata consegna", "mancato recapito", "recapito non riuscito", "consegna non riuscita", "impossibile recapitare", "non recapitabile", "non recapitato", "errore di consegna",
    "niet bezorgd", "niet afgeleverd", "onbestelbaar", "bezorgfout", "kan niet worden bezorgd", "kon niet worden bezorgd", "aflevering mislukt",
    "niedostarczon", "nie dostarczon", "nie można dostarczyć", "błąd dostarczania", "zwrot wiadomości", "zwrócona wiadomość",
    "недоставлен", "не доставлено", "не доставлена", "ошибка доставки", "сбой доставки", "не удалось доставить", "недоставка", "не доставлен", "неможливо доставити", "не вдалося доставити", "помилка доставки",
    "nedoručiteln", "nedoručiteľn", "nedoručen", "nelze doručit", "doručení se nezdařilo", "nedostarčen", "neisporučen", "ni bilo dostavljeno",
    "kan inte levereras", "kunde inte levereras", "ej levererat", "kan ikke leveres", "kunne ikke leveres", "ikke leveret", "ikke levert", "leveringsfejl", "leveringsfeil", "leveransfel",
    "ei voitu toimittaa", "toimitus epäonnistui", "toimittamaton", "kézbesíthetetlen", "sikertelen kézbesítés", "kézbesítési hiba", "teslim edilemedi", "iletilemedi", "teslimat başarısız", "αδυναμία παράδοσης", "δεν παραδόθηκε", "nu a putut fi livrat", "nelivrat",
    "退信", "投递失败", "无法投递", "投遞失敗", "無法投遞", "無法傳遞", "无法送达", "無法送達", "未送达", "未送達", "未能投递", "送达失败", "传递失败",
    "送達失敗", "配信不能", "配信エラー", "配信できません", "配信失敗", "送信エラー", "送信失敗", "メールエラー", "エラー通知", "返送", "不達", "送信できません", "배달되지", "배달할 수 없", "배달 실패", "전송 실패", "전송실패", "발송 실패", "발송실패", "반송",
];

/// What the text of a report says.
#[rustfmt::skip]
const FAILURES: &[&str] = &[
    "error delivering", "error occurred while trying to deliver", "failed to deliver", "attempting to deliver", "exceeds allowed", "failure reason", "did not reach the following recipient", "did not reach some or all",
    "could not be delivered", "couldn't be delivered", "can't be delivered", "cannot be delivered", "can not be delivered", "could not deliver", "couldn't deliver", "unable to deliver", "not able to deliver", "wasn't delivered", "was not delivered",
    "not been delivered", "has failed", "have failed", "failed permanently", "delivery failed", "delivery to the following", "permanent fatal errors", "transient non-fatal errors", "permanent error", "permanent failure", "fatal error",
    "had delivery problems", "permanent delivery errors", "not found", "not listed in", "address rejected", "recipient rejected", "recipient address", "failed addresses", "failed recipient", "no valid recipient", "mailbox unavailable", "rejected", "relaying denied", "message was undeliverable", "is undeliverable", "non-delivered",
    "will be retried", "still be retried", "undelivered for", "undeliverable to", "not accepting mail", "does not accept mail", "does not like recipient", "requested action not taken", "returned as undeliverable", "automatically rejected", "has been returned", "was returned",
    "nicht zugestellt", "konnte nicht", "konnten nicht", "nicht gefunden", "nicht zustellbar", "unzustellbar", "wurde abgelehnt", "wurde abgewiesen", "zurückgewiesen", "zustellung fehlgeschlagen", "fehlgeschlagen",
    "n'a pas pu être", "n’a pas pu être", "n'a pas pu etre", "n'ont pas pu être", "non remis", "n'a pas été remis", "n'a pas été distribué", "échec de la remise", "a été rejeté", "impossible de remettre", "impossible de distribuer",
    "no se pudo entregar", "no se ha podido entregar", "no pudo ser entregado", "no se puede entregar", "no ha sido entregado", "fue rechazado", "ha sido rechazado", "não foi possível entregar", "não pôde ser entregue", "não pode ser entregue", "não foi entregue", "foi rejeitad",
    "non è stato possibile", "impossibile recapitare", "non è stato recapitato", "non è stato consegnato", "non può essere consegnato", "è stato rifiutato", "kon niet worden bezorgd", "kan niet worden bezorgd", "niet worden afgeleverd", "is niet bezorgd", "geweigerd",
    "nie została dostarczona", "nie mogła zostać dostarczona", "nie można dostarczyć", "nie udało się dostarczyć", "została odrzucona", "не доставлено", "не было доставлено", "не может быть доставлено", "не удалось доставить", "не был доставлен", "не могло быть доставлено", "отклонено", "не вдалося доставити", "не доставлен",
    "nebylo možné doručit", "nelze doručit", "nemohla být doručena", "nebola doručená", "nie je možné doručiť", "kunde inte levereras", "kan inte levereras", "kunne ikke leveres", "kan ikke leveres", "ei voitu toimittaa", "ei toimitettu", "nem kézbesíthető", "nem sikerült kézbesíteni", "teslim edilemedi", "iletilemedi", "δεν ήταν δυνατή η παράδοση", "nu a putut fi livrat",
    "送信できません", "配信できません", "お届けできません", "送信できなかった", "配信できなかった", "配送できません", "送達できません", "届きません", "无法投递", "無法投遞", "未能投递", "投递失败", "無法傳遞", "无法送达", "無法送達", "被退回", "退回", "被拒", "발송하지 못", "전송하지 못", "배달하지 못", "전달하지 못", "배달되지", "전달되지", "전송되지", "보내지 못", "전송 실패", "반송되었",
];

/// Phrases after which delivery may still succeed, or fail for a reason that passes.
#[rustfmt::skip]
const SOFT: &[&str] = &[
    "insufficient storage", "insufficient system storage", "insufficient disk", "out of storage", "temporarily", "temporary", "try again", "try later", "retry later", "will be retried", "still be retried", "greylist", "graylist", "grey-list", "too many connections", "too many messages", "too many errors", "too many recipients", "too many concurrent", "rate limit", "rate-limit", "throttl",
    "is full", "delayed", "deferred", "vorübergehend", "später erneut", "später noch einmal", "temporairement", "réessayer", "ultérieurement", "temporalmente", "más tarde", "temporariamente", "mais tarde", "temporaneamente", "più tardi", "tijdelijk", "tymczasowo", "временно", "попробуйте позже", "тимчасово", "一時的", "しばらく", "暂时", "暫時", "稍后", "稍後", "일시적", "나중에",
];

/// The mailbox has no room.
#[rustfmt::skip]
const FULL: &[&str] = &[
    "mailbox full", "mailbox is full", "mailbox is over", "mailbox over", "mailbox too large", "full mailbox", "mailbox has exceeded", "mailbox exceeds", "mailbox exceeded", "mailbox size limit", "mailbox quota", "mailbox size exceeded", "mailfolder is full", "inbox is full", "inbox full", "account is full", "disk full", "disk is full", "over quota", "over disk quota", "overquota", "over the quota", "over its quota", "over their quota", "out of quota",
    "quota exceeded", "quota exceed", "exceeds quota", "exceeds the quota", "exceeded the quota", "exceeded quota", "exceeded his quota", "exceeded their quota", "exceeded its quota", "exceed mailbox quota", "exceeded storage", "exceeded its disk", "exceeded the disk", "exceeded the maximum", "exceeded the local limit", "exceeded the space", "exceeds allowed size", "disk quota", "storage quota", "quota violation", "quota limit", "quotaexceeded", "not enough storage", "not enough space", "no space left", "insufficient mailbox", "insufficient disk space", "too many messages on", "too many messages in", "message store is full", "no room in", "quota full", "out of space",
    "postfach voll", "postfach ist voll", "postfachs ist voll", "mailbox voll", "mailbox ist voll", "mailbox des empfängers ist voll", "postfach des empfängers ist voll", "postfach überfüllt", "postfach ist überfüllt", "speicherplatz", "kontingent überschritten", "quota überschritten", "zu viele mails", "zuviele mails", "zu viele nachrichten", "zu viele e-mails",
    "boîte pleine", "boite pleine", "boîte aux lettres pleine", "boîte aux lettres est pleine", "boite aux lettres pleine", "boîte de réception pleine", "boîte de réception est pleine", "messagerie pleine", "est pleine", "quota dépassé", "quota depasse", "a dépassé son quota", "espace insuffisant",
    "buzón lleno", "buzón está lleno", "buzon lleno", "buzón de correo lleno", "bandeja de entrada llena", "está lleno", "está llena", "cuota excedida", "cuota superada", "excedido la cuota", "superado la cuota", "espacio insuficiente",
    "caixa cheia", "caixa postal cheia", "caixa de correio cheia", "caixa de entrada cheia", "está cheia", "cota excedida", "quota excedida", "excedeu a cota", "sem espaço",
    "casella piena", "casella è piena", "casella di posta piena", "casella postale piena", "è piena", "quota superata", "spazio esaurito", "spazio insufficiente",
    "mailbox vol", "mailbox is vol", "postvak vol", "postvak is vol", "postvak in is vol", "quotum overschreden", "skrzynka pełna", "skrzynka jest pełna", "skrzynka odbiorcza jest pełna", "skrzynka pocztowa jest pełna", "przepełnion", "przekroczono limit", "przekroczony limit", "przekroczona pojemność", "brak miejsca",
    "ящик переполнен", "переполнен", "превышена квота", "квота превышена", "превышен лимит", "превышение квоты", "недостаточно места", "скринька переповнена", "переповнен", "перевищено квоту", "schránka je plná", "schránka plná", "překročena kvóta", "prekročená kvóta",
    "brevlådan är full", "postlådan är full", "inkorgen är full", "postkassen er fuld", "indbakken er fuld", "postkassen er full", "innboksen er full", "postilaatikko on täynnä", "on täynnä", "megtelt", "postafiók tele", "kota aşıldı", "kotası dolu", "kutusu dolu", "γεμάτο", "γεμάτη", "căsuța este plină", "este plină", "sandučić je pun", "predal je poln", "đầy",
    "メールボックスが一杯", "メールボックスがいっぱい", "受信箱がいっぱい", "容量を超え", "容量オーバー", "容量超過", "容量がいっぱい", "満杯", "上限を超え", "邮箱已满", "郵箱已滿", "信箱已滿", "信箱已满", "邮箱空间不足", "空间不足", "空間不足", "容量已满", "容量已滿", "超出配额", "超过配额", "超出容量", "邮箱满", "용량 초과", "용량초과", "용량이 초과", "용량을 초과", "편지함이 가득", "메일함이 가득", "사서함이 가득", "사서함이 꽉", "저장 공간",
];

/// The message only waits.
#[rustfmt::skip]
const DELAYS: &[&str] = &[
    "will be retried", "still be retried", "will continue to", "will keep trying", "attempts will continue", "not yet been delivered", "delivery is delayed", "has been delayed", "has been postponed", "warning message only", "this is a warning", "a warning only", "warning only", "do not need to resend", "transient non-fatal errors", "is delayed", "message is being retried", "delivery delayed", "delivery incomplete",
    "wird weiterhin versucht", "verzögert", "noch nicht zugestellt", "retardé", "retardée", "n'a pas encore été", "se ha retrasado", "retrasada", "foi adiad", "atrasad", "è in ritardo", "ritardat", "vertraagd", "opóźnion", "задержан", "откладывается", "затрим", "zpožděn", "fördröj", "forsink", "viivästy", "késik", "gecik", "遅延", "遅れて", "延迟", "延遲", "지연",
];

/// There is no such recipient.
#[rustfmt::skip]
const UNKNOWN: &[&str] = &[
    "user unknown", "unknown user", "no such user", "no such recipient", "no such address", "no such mailbox", "no such account", "no such person", "no such email", "no such e-mail", "no mailbox here", "no user by that name", "no user here", "no account by that name", "no account with this", "mailbox not found", "mailbox does not", "mailbox doesn't", "recipient unknown", "unknown recipient", "invalid recipient", "invalid user", "invalid mailbox", "invalid address", "invalid email", "user invalid", "user not found", "user not known", "user not exist", "user is unknown", "user doesn't", "user does not", "recipient not found", "recipient does not", "recipnotfound", "recipientnotfound", "recipient not exist", "address not found", "address unknown", "address does not", "address doesn't", "bad destination mailbox", "bad address", "account not found", "account does not", "account doesn't", "account that you tried to reach does not exist", "unknown account", "unknown mailbox", "unknown address", "unknown local", "unknown or invalid", "unknown or illegal", "mailbox unknown", "mailbox not exist", "non-existent", "nonexistent", "does not exist", "doesn't exist", "do not exist", "not exist", "not listed in", "unrouteable address", "unroutable address", "undeliverable address", "address couldn't be found", "couldn't be found", "could not be found", "recipient name is not recognized", "not a known user", "not a valid user", "not a valid mailbox", "not a valid recipient", "not a registered", "not our customer", "not recognized", "doesn't have a", "does not have a", "no longer valid", "no longer exists", "no longer here", "no longer available", "no longer with", "is not known", "not known here", "nobody here by", "nobody by that name", "no one by that name", "not in our", "is not a user", "does not like recipient", "no valid recipient", "cannot find user", "can't find user", "user not local", "not found in directory",
    "empfänger unbekannt", "unbekannter empfänger", "empfänger existiert nicht", "adresse existiert nicht", "adresse unbekannt", "unbekannte adresse", "empfängeradresse unbekannt", "postfach existiert nicht", "postfach nicht gefunden", "postfach unbekannt", "konto existiert nicht", "benutzer unbekannt", "unbekannter benutzer", "benutzer existiert nicht", "benutzer nicht gefunden", "adresse wurde nicht gefunden", "adresse nicht gefunden", "empfänger nicht gefunden", "empfänger wurde nicht gefunden", "existiert nicht", "nicht vorhanden", "nicht vergeben", "ungültige adresse", "ungültiger empfänger", "kein benutzer",
    "adresse inconnue", "destinataire inconnu", "utilisateur inconnu", "adresse inexistante", "n'existe pas", "n’existe pas", "n'existe plus", "adresse introuvable", "destinataire introuvable", "utilisateur introuvable", "boîte inexistante", "boite inexistante", "boîte aux lettres inexistante", "adresse invalide", "destinataire invalide", "adresse d'au moins un destinataire invalide", "compte inexistant",
    "usuario desconocido", "destinatario desconocido", "dirección desconocida", "no existe", "usuario inexistente", "dirección no encontrada", "no se encontró la dirección", "no se ha encontrado", "no se encontró", "cuenta inexistente", "buzón inexistente", "dirección inválida", "dirección no válida", "usuário desconhecido", "destinatário desconhecido", "endereço desconhecido", "não existe", "endereço não encontrado", "não foi encontrado", "usuário inexistente", "conta inexistente", "endereço inválido", "destinatário inválido",
    "utente sconosciuto", "destinatario sconosciuto", "indirizzo sconosciuto", "non esiste", "indirizzo inesistente", "casella inesistente", "utente inesistente", "indirizzo non trovato", "destinatario non trovato", "indirizzo non valido", "onbekende gebruiker", "gebruiker onbekend", "onbekende ontvanger", "ontvanger onbekend", "onbekend adres", "adres onbekend", "bestaat niet", "adres niet gevonden", "niet gevonden", "ongeldig adres",
    "nieznany użytkownik", "użytkownik nieznany", "nieznany odbiorca", "nieznany adres", "nie istnieje", "nie znaleziono", "nieprawidłowy adres", "brak takiego", "konto nie istnieje", "неизвестный пользователь", "неизвестный получатель", "неизвестный адрес", "пользователь не найден", "получатель не найден", "адрес не найден", "ящик не найден", "нет такого", "не существует", "недействительный адрес", "неверный адрес", "несуществующ", "не найден", "невідомий користувач", "не існує", "не знайдено", "немає такого",
    "neexistuje", "neznámý uživatel", "neznámý příjemce", "neznámy používateľ", "neznámy príjemca", "nenalezen", "nebola nájdená", "okänd användare", "okänd mottagare", "okänd adress", "finns inte", "hittades inte", "ukendt bruger", "ukendt modtager", "findes ikke", "blev ikke fundet", "ukjent bruker", "ukjent mottaker", "finnes ikke", "ble ikke funnet", "tuntematon käyttäjä", "tuntematon vastaanottaja", "ei ole olemassa", "ei löydy", "ei löytynyt", "nem létezik", "nem található", "ismeretlen felhasználó", "ismeretlen címzett", "bulunamadı", "kullanıcı bilinmiyor", "mevcut değil", "geçersiz adres", "δεν υπάρχει", "άγνωστος χρήστης", "άγνωστος παραλήπτης", "δεν βρέθηκε", "nu există", "utilizator necunoscut", "destinatar necunoscut", "ne postoji", "nepoznat korisnik", "ne obstaja", "không tồn tại", "không tìm thấy",
    "存在しません", "存在しない", "見つかりません", "見つかりませんでした", "宛先不明", "宛先が不明", "該当するユーザー", "登録されていません", "用户不存在", "地址不存在", "收件人不存在", "邮箱不存在", "帐号不存在", "账号不存在", "帳號不存在", "使用者不存在", "收件者不存在", "信箱不存在", "不存在", "找不到", "无此用户", "無此使用者", "未找到", "查无此", "查無此", "존재하지 않", "찾을 수 없", "없는 사용자", "알 수 없는 사용자", "없는 계정", "없는 메일", "없는 이메일",
];

/// There is no such host.
#[rustfmt::skip]
const NO_HOST: &[&str] = &[
    "host unknown", "host not found", "domain not found", "name or service not known", "unknown host", "unknown domain", "domain unknown", "domain does not exist", "domain doesn't exist", "no such domain", "no such host", "unrouteable mail domain", "no mx", "dns lookup failure", "name service error", "couldn't find any host", "domain couldn't be found", "domain wasn't found", "nxdomain", "illegal host", "invalid domain", "bad domain", "unresolvable domain", "host or domain name not found", "domain name not found", "no dns record",
    "domain existiert nicht", "unbekannte domain", "domain nicht gefunden", "domaine inconnu", "domaine inexistant", "domaine n'existe pas", "dominio desconocido", "dominio no existe", "domínio não existe", "domínio desconhecido", "dominio sconosciuto", "dominio inesistente", "onbekend domein", "nieznana domena", "domena nie istnieje", "домен не найден", "домен не существует", "ドメインが見つかりません", "ドメインが存在しません", "域名不存在", "网域不存在", "網域不存在", "找不到域名", "도메인을 찾을 수 없", "존재하지 않는 도메인",
];

/// The account is out of use.
#[rustfmt::skip]
const DISABLED: &[&str] = &[
    "account is disabled", "account disabled", "account has been disabled", "account has been", "has been disabled", "has been deactivated", "has been suspended", "has been blocked by the owner", "account that you tried to reach is disabled", "email account is disabled", "mailbox disabled", "mailbox is disabled", "mailbox has been disabled", "mailbox is inactive", "mailbox inactive", "mailbox unused", "account is inactive", "account inactive", "account is suspended", "account suspended", "account expired", "account closed", "account is closed", "account is locked", "account locked", "account is not active", "user disabled", "user is disabled", "user suspended", "user is inactive", "user inactive", "user account is", "recipient is disabled", "recipient disabled", "is no longer active", "no longer in use", "is inactive", "address is no longer", "deactivated mailbox", "this account has been", "this user has been",
    "konto deaktiviert", "konto ist deaktiviert", "konto wurde deaktiviert", "konto gesperrt", "konto ist gesperrt", "konto wurde gesperrt", "postfach deaktiviert", "postfach ist deaktiviert", "postfach gesperrt", "postfach ist gesperrt", "postfach wurde gesperrt", "postfach wurde deaktiviert", "benutzer gesperrt", "nicht mehr aktiv", "nicht mehr in gebrauch", "compte désactivé", "compte est désactivé", "compte a été désactivé", "compte suspendu", "compte bloqué", "boîte désactivée", "boite désactivée", "adresse désactivée", "n'est plus actif", "n'est plus utilisée",
    "cuenta deshabilitada", "cuenta desactivada", "cuenta está deshabilitada", "cuenta está desactivada", "cuenta suspendida", "cuenta ha sido", "cuenta bloqueada", "buzón deshabilitado", "conta desativada", "conta foi desativada", "conta desabilitada", "conta suspensa", "conta bloqueada", "caixa desativada", "account disabilitato", "account disattivato", "casella disabilitata", "casella disattivata", "utente disabilitato", "account sospeso", "is uitgeschakeld", "account geblokkeerd", "konto zablokowane", "konto zostało zablokowane", "konto zostało wyłączone", "konto wyłączone", "skrzynka zablokowana", "konto nieaktywne", "skrzynka nieaktywna",
    "ящик заблокирован", "заблокирован", "отключен", "отключён", "деактивирован", "удален", "удалён", "неактивен", "вимкнено", "účet je zablokován", "účet byl zablokován", "schránka je zablokována", "kontot är inaktiverat", "kontot är spärrat", "kontoen er deaktiveret", "kontoen er deaktivert", "fiók le van tiltva", "hesap devre dışı", "devre dışı", "停用", "已禁用", "被禁用", "已冻结", "已凍結", "已注销", "已關閉", "無効", "利用停止", "使用停止", "解約", "사용 중지", "사용중지", "휴면", "비활성",
];

/// It was tried for too long.
#[rustfmt::skip]
const EXPIRED: &[&str] = &[
    "retry timeout exceeded", "retry time not reached", "connection timed out", "operation timed out", "connection timeout", "message expired", "envelope expired", "delivery expired", "delivery time expired", "queue lifetime", "queued too long", "queue too long", "in the queue for too long", "in the queue too long", "message timed out", "failing for a long time", "after multiple retries", "after several attempts", "after repeated attempts", "multiple attempts", "could not deliver for the last", "could not be delivered for", "cannot send message for", "did not accept our requests to connect", "delivery attempts", " attempts:", "gave up after", "given up after", "for too long", "unable to connect to the recipient", "too many retries", "max retries", "maximum retry", "retry limit", "retries exceeded", "last attempt", "retry period",
    "zu lange in der warteschlange", "zeitüberschreitung", "délai dépassé", "délai d'attente", "tiempo de espera", "tempo limite", "scaduto il tempo", "время ожидания", "срок хранения", "истекло", "タイムアウト", "期限切れ", "超时", "逾時", "시간 초과",
];

/// The host was not to be reached.
#[rustfmt::skip]
const UNREACHED: &[&str] = &[
    "connection refused", "connection reset", "connection failed", "connection lost", "connection dropped", "lost connection", "no route to host", "network is unreachable", "host is unreachable", "host unreachable", "not reachable", "could not connect", "couldn't connect", "can't connect", "cannot connect", "unable to connect", "failed to connect", "refused to talk to me", "server is not responding", "server did not respond", "did not respond", "not responding", "timed out", "host name lookup failure", "hostname lookup failure", "host name has no mail exchanger", "dns temporary", "temporary lookup failure", "server busy", "system busy", "service not available", "not accepting connections",
];

/// It was refused for what it is or whence it comes.
#[rustfmt::skip]
const POLICY: &[&str] = &[
    "spam", "block", "blacklist", "black list", "denylist", "policy", "denied", "reject due to", "relay", "authenticat", "dmarc", "spf ", " spf", "dkim", "virus", "reputation", "content", "listed", "not allowed", "not permitted", "not authorized", "unauthorized", "prohibited", "reverse dns", "ptr record", "rdns", "suspicious", "junk", "restricted", "not accept mail from", "sender rejected", "sender address", "sender verify", "banned", "too large", "size limit", "message size", "exceeds size", "too big", "greylist", "tls", "loop",
];

/// It is mail that it speaks of.
#[rustfmt::skip]
const MAIL: &[&str] = &[
    "your message", "your mail", "your email", "your e-mail", "the message", "this message", "message to", "that you sent", "you sent", "mailbox", "smtp", "rcpt to", "e-mail address", "email address", "mail address", "original message", "recipient", "user unknown", "unknown user", "subject:", "mail system", "mail server", "message-id",
    "nachricht", "e-mail", "empfänger", "postfach", "votre message", "courriel", "destinataire", "mensaje", "correo", "destinatari", "mensagem", "destinatário", "messaggio", "posta", "bericht", "ontvanger", "wiadomoś", "odbiorc", "сообщени", "письмо", "письма", "получател", "адресат", "повідомлен", "zpráv", "správ", "příjemc", "meddelande", "meddelelse", "besked", "melding", "viesti", "üzenet", "levél", "ileti", "mesaj", "μήνυμα", "メール", "メッセージ", "宛先", "邮件", "郵件", "信件", "收件", "메일", "메시지",
];

/// It is mail of the reader's that it speaks of.
#[rustfmt::skip]
const YOUR_MAIL: &[&str] = &[
    "your message", "your mail", "your email", "your e-mail", "message that you sent", "message you sent", "mail you sent", "email you sent", "e-mail you sent", "the email below", "the e-mail below", "the message below", "mailbox", "rcpt to", "smtp", "user unknown", "unknown user", "original message", "undelivered message", "undeliverable message",
    "ihre nachricht", "ihre e-mail", "ihre mail", "deine nachricht", "deine e-mail", "postfach", "votre message", "votre courriel", "votre e-mail", "boîte aux lettres", "su mensaje", "tu mensaje", "su correo", "buzón", "sua mensagem", "seu e-mail", "seu email", "caixa postal", "tuo messaggio", "suo messaggio", "vostro messaggio", "tua email", "uw bericht", "uw e-mail", "je bericht", "twoja wiadomość", "twoją wiadomość", "państwa wiadomość", "ваше сообщение", "вашего сообщения", "ваше письмо", "вашего письма", "ваше повідомлення", "vaše zpráva", "vaši zprávu", "ditt meddelande", "din meddelelse", "din besked", "din e-post", "meldingen din", "viestisi", "üzenetét", "üzenete", "iletiniz", "mesajınız", "e-postanız", "το μήνυμά σας", "メール", "您的邮件", "您发送的邮件", "邮件", "郵件", "메일",
];

/// The domain takes no mail, by its own word.
const NO_MAIL: &[&str] = &[
    "null mx",
    "nullmx",
    "doesn't receive email",
    "does not accept mail",
    "does not receive mail",
    "domain does not accept email",
];

/// Where the message that came back begins.
#[rustfmt::skip]
pub const RETURNED: &[&str] = &[
    "this is a copy of the message", "this is a copy of your message", "below this line is a copy", "copy of the message", "copy of your message", "original message", "original headers", "original mail", "message headers", "message header", "returned message", "returned mail", "unsent message", "undelivered message", "transcript of session follows", "message follows", "mail follows", "message reads", "original message attached", "the header of", "body of message", "message text follows", "headers follow", "old message",
    "ursprüngliche nachricht", "kopie der nachricht", "kopie ihrer nachricht", "ursprünglichen nachricht", "message d'origine", "message original", "copie du message", "mensaje original", "copia del mensaje", "mensagem original", "cópia da mensagem", "messaggio originale", "copia del messaggio", "oorspronkelijk bericht", "oryginalna wiadomość", "kopia wiadomości", "исходное сообщение", "исходного сообщения", "копия сообщения", "заголовки", "元のメッセージ", "送信されたメール", "原始邮件", "原始郵件", "邮件原文", "원본 메시지", "원본 메일",
];

/// What a text says of itself.
pub fn senses(text: &str) -> Said {
    Said::of(&text.to_lowercase())
}
