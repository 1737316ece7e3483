# Courier IMAP for the tests: its users are the system's, with one password; besides these the names of $ESPOMAIL_TEST_USERS.
set -e
port=$1 tls_port=$2
hash=$(openssl passwd -6 'pass "word\ 1')
mkdir /home/template
maildirmake.courier /home/template/Maildir
maildirmake.courier -f Sent /home/template/Maildir
number=20000
for user in one two three four five six $ESPOMAIL_TEST_USERS; do
    # By hand: names may be longer than useradd has them.
    number=$((number + 1))
    printf '%s:x:%s:%s::/home/%s:/bin/sh\n' "$user" $number $number "$user" >>/etc/passwd
    printf '%s:%s:19000:0:99999:7:::\n' "$user" "$hash" >>/etc/shadow
    cp -r /home/template "/home/$user"
    chown -R $number:$number "/home/$user"
done
mkdir -p /run/courier/authdaemon
chown -R courier:courier /run/courier
sed -i 's/^authmodulelist=.*/authmodulelist="authpam"/' /etc/courier/authdaemonrc
/usr/sbin/authdaemond start
set -a
. /etc/courier/imapd
. /etc/courier/imapd-ssl
TLS_CERTFILE=/srv/tls/both.pem IMAP_STARTTLS=YES IMAP_TLS_REQUIRED=0 IMAPDSTARTTLS=YES
MAXPERIP=100 MAXDAEMONS=100 MAILDIRPATH=Maildir
IMAP_CAPABILITY="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
set +a
tcpd=/usr/sbin/couriertcpd login=/usr/lib/courier/courier/imaplogin
"$tcpd" -address=127.0.0.1 -maxprocs=100 -maxperip=100 -nodnslookup -noidentlookup "$tls_port" \
    /usr/bin/couriertls -server -tcpd "$login" /usr/bin/imapd Maildir &
exec "$tcpd" -address=127.0.0.1 -maxprocs=100 -maxperip=100 -nodnslookup -noidentlookup "$port" "$login" /usr/bin/imapd Maildir
