//! espomail-access(7): who is asking, and who may do what. The table of rights comes from the words themselves.

use espomail::words::{RoleAction, RoleLevel, RoleScope};

use super::roff;

const ASKING: &str = "\
.SH DESCRIPTION
Whoever can write the database or read the key of stored passwords can do everything: the rights of that file or of that PostgreSQL
role are the hard boundary. Inside it, roles guide people and protect them from each other's mistakes and curiosity. They do
so for those who reach espomail by the road below, and for nobody else.
.SH \"WHO IS ASKING\"
.TP
The service account
is the account that owns the configuration file: the one that ran \\fBespomail init\\fR, and whose crontab runs
\\fBespomail fetch\\fR. It is an administrator without being a user of espomail. Where root owns the file (a package, a
container), it is whoever can read the file and did not come through sudo.
.TP
root
is an administrator, logged in or by sudo. The audit names the person behind sudo.
.TP
Everyone else
comes by a rule of sudo to the service account, such as
.IP
.EX
%staff ALL=(espomail) NOPASSWD: /usr/local/bin/espomail
.EE
.IP
and types \\fBsudo \\-u espomail espomail\\fR \\fICOMMAND\\fR. They act as the active user of espomail whose login is the
value of SUDO_USER, which sudo sets. Without such a user the exit status is 77.
.PP
Who came to the service account by sudo but holds all its rights already is the service account: root (SUDO_USER or SUDO_UID says
so), the account itself, and who was given a shell of it, as by \\fBsudo \\-iu espomail\\fR (SUDO_COMMAND is a shell without
arguments, or su). The audit still names the person. So give people the rule for the program, never for a shell.
.PP
\\fBdoas\\fR(1) and \\fBpkexec\\fR(1) do not say who asks in a way that can be told from what the caller set; through them there
is exit status 77.
.SS \"Acting for another user\"
\\fB\\-\\-as\\fR \\fIUSER\\fR before or behind any command makes an administrator act with the rights of that user and no others. The audit
keeps both names. To everybody else it is refused.
.SS \"What sudo closes\"
The service account would read, write and run what it is told with its own rights. So whoever comes through sudo, administrator
or not, cannot name
.IP \\(bu 2
the configuration or the database (\\fB\\-\\-config\\fR, \\fB\\-\\-database\\fR): it is \\fI.config/espomail/config.toml\\fR in the service
account's home as \\fI/etc/passwd\\fR has it, else \\fI/etc/espomail/config.toml\\fR;
.IP \\(bu 2
a file or folder to read or write: messages come from standard input, attachments go to standard output with
\\fB\\-\\-extract\\fR;
.IP \\(bu 2
a command, a password file or a credential: passwords come from the terminal or by \\fB\\-\\-password\\-stdin\\fR.
.PP
\\fBinit\\fR is not there. Variables whose names begin with ESPOMAIL_, PG, SSL_CERT_ or OPENSSL_, and CREDENTIALS_DIRECTORY, must not be
set; HOME, XDG_* and PATH are not read. Commands of the configuration run in the folder / with a PATH of their own. All this is exit
status 77. Leave sudo's \\fBenv_reset\\fR on, as it is by default, and give nobody SETENV.
.SH \"WHO MAY DO WHAT\"
.TP
Administrators
do everything, for anybody. Theirs alone are group accounts, users, teams and roles, the passes (\\fBfetch\\fR, \\fBsend\\fR, \\fBnotify\\fR,
\\fBprune\\fR, \\fBdeliver\\fR), filters that run a command, \\fBexplain\\fR of a file, \\fBtest\\fR, \\fBperson\\fR, \\fBquarantine\\fR, \\fBaudit\\fR, \\fBconfig\\fR and \\fBdb\\fR.
.TP
Users
see all users, teams and roles, enter their own absences, keep personal accounts where a role allows it, and do with cases, records
and e-mails what their roles say. They follow what they may read.
.SS Roles
A role says for a kind of thing what may be done, and on how much of it:
";

const AFTER_TABLE: &str = "\
.PP
Levels:
.TP
\\fBno\\fR
Nothing.
.TP
\\fBown\\fR
A record or case that is assigned to the user or that the user made; an e-mail in the user's inbox.
.TP
\\fBteam\\fR
The same, and what shares a team with the user.
.TP
\\fBall\\fR
Everything of that kind.
.PP
A user has the roles given to them and those given to their teams; for each right the most permissive level counts. What no role
speaks of is \\fBno\\fR, but for reading e-mail, which is then \\fBown\\fR: a user without any role reads the e-mail in their inbox and
nothing else. A role that says \\fBemail read no\\fR takes that away.
.PP
Delete is a right of its own, which \\fBrecord delete\\fR and \\fBcase delete\\fR ask for; to merge, \\fBedit\\fR is needed for both, to convert a
lead, for it and for each kind of record that is made of it. E-mails of what is deleted stay, for those who could read them. To add a record or to open a case, \\fBedit\\fR must not be \\fBno\\fR; it is then one's own. What one may
not read is not there: the same words say \\(lqnot found\\(rq and \\(lqnot allowed\\(rq, lists leave it out, and no name is proposed.
What one may read but not change is refused with exit status 77.
.PP
An e-mail that comes again, through another account or by another way, is one e-mail, and whoever gets either has it; it is the
same only when its whole content is, files included. The bytes of each copy are kept (\\fBemail raw \\-\\-copy\\fR); of one that came
through a personal account they are shown to its owner and to administrators. What other users' own filters and folders did with
an e-mail, and to whom its author sent it in Bcc, is theirs to know.
.PP
An event is for those who may read the e-mail that it came with; \\fBevent accept\\fR and its kin are for who was invited, by an
address of theirs, and send as \\fBemail reply\\fR would. A template puts into a letter what its writer may read, and no more; what
an account answers by itself is written from its administrators' template with everything that the case and its people have.
.PP
\\fBrole show\\fR prints a role as a table, \\fBuser rights\\fR what a user may do and which roles say so.
.SS \"Accounts\"
Group accounts are administrators'; users see those through which they may send: those that are active, shared and have a server to send
through, with \\fBgroup\\-account use all\\fR every one, with \\fBteam\\fR those that share a team with them, and the system account.
.PP
With \\fBpersonal\\-account use own\\fR a user adds personal accounts, at most \\fBsecurity.personal\\-accounts\\fR of them; an
administrator may add more. Nobody but the owner and administrators sees them. The server of a personal account must not be internal:
loopback, private and link-local addresses, names without a dot and names of local networks are refused when the account is set and,
whatever its name resolves to, at each connection. \\fBsecurity.internal\\-hosts\\fR lists exceptions.
.PP
The address that a user names for a personal account is used to log in with, and no more: mail to it or from it that comes through
other accounts is not theirs, nor internal, until an administrator gives the address, by \\fBaccount set NAME \\-\\-address ADDRESS\\fR
or \\fBuser set \\-\\-address\\fR. \\fBaccount show\\fR says where none did. The address of a group account or of another user is
refused.
.PP
With \\fBimport use own\\fR a user imports messages into the inbox, through a personal account of theirs: \\fBespomail import\\fR; through
sudo one message from standard input. Administrators import through any account. What comes through a personal account, by an import
or from a server, which is of its owner's choice, enters a case only where the owner may change it, and another conversation only where
they may read of it; from a server also where it answers a letter of ours, by its signed token or as the owner wrote it. When a group
account gets the same message, it goes where mail of that account goes. It is the same e\\-mail as one that is here only where the owner
may read that; else it is one of its own, which shows nothing of the other. With a conversation that comes to a case no e-mail comes
along that came through another group account, unless it is shared with a team of the case, nor one that came through personal accounts
alone; a user who links an e-mail takes along what they may change themselves. An
\\fBAuthentication\\-Results\\fR field in a personal account vouches for nobody but the owner: who keeps the account may have written it.
.PP
Passwords are never shown again. As a stored password sent to another server is as good as shown, a change of host, port, protection
or trusted certificates needs the password again, unless the service account itself asks.
.SS \"Sending\"
A message goes out as one of these, and as nobody else, whoever asks and whatever is given:
.IP \\(bu 2
the user's own address, through an active personal account of theirs that has this address, else through the system account where
that is shared (\\fBaccount set --system --shared\\fR);
.IP \\(bu 2
the address of a group account that is active, can send and is shared, where \\fBgroup\\-account use\\fR says \\fBall\\fR, or
\\fBteam\\fR and a team is shared with it; administrators may use every shared one;
.IP \\(bu 2
the address of the shared system account: that is every user's, whatever a role says of group accounts. Share it only where its
address is meant for all; one of a team is better no system account.
.PP
A personal account with an address that is not its owner's reads mail and sends none. The right is asked for when the message is
written and again when it goes out, which may be days later: what its author may not send any more is held, with the reason in
\\fBoutbox show\\fR. An author sees and looks after what they wrote (\\fBoutbox\\fR), administrators everything. Templates are made
by administrators and used by all; budgets and the passes \\fBsend\\fR and \\fBnotify\\fR are administrators'.
.SH AUDIT
Every change by a person is written down in the transaction of the change: when, the account of the operating system that asked, the
user of espomail it acted as, whether \\fB\\-\\-as\\fR named them, what was done to what; of settings, from what to what. Of a password
it says only that it was changed.
\\fBespomail audit list\\fR prints it. What passes do is told by \\fBespomail explain\\fR.
.SH FILES
Whoever could change the configuration, a key, the database or a command could do everything. So each of them is refused with exit
status 77 where its group or others may write it or a folder above it (but for sticky folders such as \\fI/tmp\\fR), and where it or
such a folder belongs to an account that is neither root, nor the service account, nor the one that runs espomail. That goes for the
configuration, keys, password files, client secrets, CA files, the SQLite database with the files beside it, and the program, the interpreter and the
script of each command. Symbolic links are followed and looked at. The line says which \\fBchmod\\fR mends it;
\\fBespomail config check\\fR says it of all of them at once. A group with one member is a group: others may join it.
.SH LIMITS
Rights are looked up when a command starts; a command that waits for a password still has those it started with. What is a
user's own, and which teams share it, is looked up in the transaction of the change.
.PP
Who may read a case sees in its stream the sender, subject and words of its e-mails. The streams of other records tell of an e-mail
that one may not read that it came, and nothing of what it says.
.SH \"EXIT STATUS\"
.TP
\\fB77\\fR
Not allowed, no such user, or something that sudo closes.
.TP
\\fB65\\fR
Not there, or not there for you.
.SH \"SEE ALSO\"
\\fBespomail\\fR(1), \\fBespomail\\-role\\fR(1), \\fBespomail\\-user\\-rights\\fR(1), \\fBespomail\\-audit\\-list\\fR(1),
\\fBespomail.toml\\fR(5), \\fBsudoers\\fR(5)
";

/// Makes the page.
pub fn page() -> String {
    let mut page = format!(".TH espomail-access 7 \"\" \"espomail {}\"\n.SH NAME\n", env!("CARGO_PKG_VERSION"));
    page += "espomail\\-access \\- who is asking, and who may do what\n";
    page += ASKING;
    page += ".IP\n.EX\n";
    for scope in RoleScope::ALL {
        let words = |words: Vec<&str>| words.join(", ");
        let actions = words(scope.actions().iter().copied().map(RoleAction::as_str).collect());
        let levels = words(scope.levels().iter().copied().map(RoleLevel::as_str).collect());
        page += &format!("{}\n", roff(&format!("{scope:<18}{actions:<22}{levels}")));
    }
    page + ".EE\n" + AFTER_TABLE
}
