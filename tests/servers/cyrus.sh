# Cyrus IMAP for the tests: every name is somebody, with one password, and has mailboxes from the first login on.
set -eu
port=$1 tls_port=$2
mkdir -p /run/saslauthd
# Speaks as saslauthd does: name, password, service and realm, each behind its length.
perl -MIO::Socket::UNIX -e '
    my $ear = IO::Socket::UNIX->new(Local => "/run/saslauthd/mux", Listen => 100) or die $!;
    chmod 0777, "/run/saslauthd/mux";
    while (my $asking = $ear->accept) {
        my @words = map { read $asking, my $n, 2; $n = unpack "n", $n; read $asking, my $word, $n; $word } 1 .. 4;
        print $asking pack "n/a*", $words[1] eq q{pass "word\ 1} ? "OK" : "NO";
        close $asking;
    }' &
mkdir -p /run/cyrus/socket /run/cyrus/lock /run/cyrus/proc
chown -R cyrus:mail /run/cyrus
cat >/etc/imapd.conf <<CONF
configdirectory: /var/lib/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
defaultpartition: default
partition-default: /var/spool/cyrus/mail
servername: localhost
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: /run/saslauthd/mux
sasl_mech_list: PLAIN LOGIN
unixhierarchysep: yes
autocreate_quota: 0
autocreate_inbox_folders: Sent
autocreate_subscribe_folders: Sent
xlist-sent: Sent
lmtpsocket: /run/cyrus/socket/lmtp
idlesocket: /run/cyrus/socket/idle
notifysocket: /run/cyrus/socket/notify
tls_server_cert: /srv/tls/good.pem
tls_server_key: /srv/tls/good.key
CONF
cat >/etc/cyrus.conf <<CONF
START {
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
  idled cmd="idled"
}
SERVICES {
  imap cmd="imapd -U 30" listen="127.0.0.1:$port" prefork=0 maxchild=50
  imaps cmd="imapd -s -U 30" listen="127.0.0.1:$tls_port" prefork=0 maxchild=50
}
CONF
exec /usr/sbin/cyrmaster -D -M /etc/cyrus.conf
