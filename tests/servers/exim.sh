# Exim for the tests: mail for one domain goes into a file for each recipient; nobody is called eve, and grey is told to come again.
set -eu
port=$1 tls_port=$2
chown Debian-exim /srv/tls/good.key
cat >/etc/exim4/exim4.conf <<CONF
primary_hostname = mx.example.org
daemon_smtp_ports = $port : $tls_port
tls_on_connect_ports = $tls_port
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = /srv/tls/good.pem
tls_privatekey = /srv/tls/good.key
auth_advertise_hosts = *
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
smtputf8_advertise_hosts = *
message_size_limit = 40M
never_users =
notifier_socket =
keep_environment =
begin acl
rcpt:
  defer  local_parts = grey
         message = 4.7.1 come again later
  deny   local_parts = eve
         message = 5.1.1 there is no such user
  deny   !authenticated = *
         message = 5.7.1 log in first
  accept
begin routers
here:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = /srv/out/mail
  user = Debian-exim
  create_file = anywhere
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if and{{eq{\$auth2}{one}}{eq{\$auth3}{pass "word\\\\ 1}}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{\$auth1}{one}}{eq{\$auth2}{pass "word\\\\ 1}}}}
  server_set_id = \$auth1
CONF
exec /usr/sbin/exim4 -bdf -q1m
