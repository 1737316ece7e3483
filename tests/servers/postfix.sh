# Postfix for the tests: mail for one domain goes into a mailbox for all; nobody is called eve, and grey is told to come again.
set -eu
port=$1 tls_port=$2
printf '%s\n' 'pass "word\ 1' | saslpasswd2 -p -c -u mx.example.org one
chown postfix /etc/sasldb2
mkdir -p /etc/postfix/sasl
cat >/etc/postfix/sasl/smtpd.conf <<CONF
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
CONF
cat >/etc/postfix/recipients <<CONF
/^grey@/ 451 4.7.1 come again later
/^eve@/ 550 5.1.1 there is no such user
CONF
echo '/^/ all/' >/etc/postfix/mailboxes
cat >/etc/postfix/main.cf <<CONF
compatibility_level = 3.6
maillog_file = /var/log/postfix.log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.org
mydestination =
local_recipient_maps =
alias_maps =
message_size_limit = 40000000
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.org
virtual_mailbox_base = /srv/out
virtual_mailbox_maps = regexp:/etc/postfix/mailboxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/recipients, permit_sasl_authenticated, reject
smtpd_tls_cert_file = /srv/tls/good.pem
smtpd_tls_key_file = /srv/tls/good.key
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = mx.example.org
smtputf8_enable = yes
CONF
cat >/etc/postfix/master.cf <<CONF
127.0.0.1:$port inet n - n - - smtpd
127.0.0.1:$tls_port inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
CONF
exec /usr/sbin/postfix start-fg
