# OpenSMTPD for the tests: the users of one domain are the system's; nobody is called eve, and grey is told to come again. In clear text:
# that of Debian 12 (6.8 with OpenSSL 3) ends every TLS handshake with an error of its own ("missing private key").
set -e
port=$1
for user in dora grey; do useradd --create-home "$user"; done
cat >/etc/smtpd.conf <<CONF
filter grey phase rcpt-to match rcpt-to regex "^grey@" reject "451 4.7.1 come again later"
smtp max-message-size "40M"
listen on 127.0.0.1 port $port filter grey
action "here" maildir "/srv/out/%{dest.user:lowercase}"
match from any for domain "example.org" action "here"
CONF
chmod 1777 /srv/out
exec /usr/sbin/smtpd -d -f /etc/smtpd.conf
