#!/bin/bash
# A new certificate is taken on SIGHUP without ending sessions; a bad one changes nothing.
. "$REPO/tests/e2e/lib.sh"

conf=$STACK/etc/carrel.conf
cp "$conf" "$STACK/etc/before.conf"
old=$(probe certificate "$PORT")
is "$(api get /v1/gateways/gateway-1 'd["fingerprint"]')" "$old" "the fingerprint that the API shows"
log_in anna anna

make_certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$STACK/etc/gateway.key" \
        -out "$STACK/etc/gateway.pem" 2>/dev/null
}
fingerprint() { openssl x509 -in "$STACK/etc/gateway.pem" -outform der | sha256sum | cut -d' ' -f1; }

make_certificate first
sed -i "/^\[gateway\]/a certificate = $STACK/etc/gateway.pem\nkey = $STACK/etc/gateway.key" "$conf"
reload gateway
until_true 20 "the new certificate is served" serves "$PORT" "$(fingerprint)"
make_certificate second
new=$(fingerprint)
reload gateway
until_true 20 "the renewed certificate is served" serves "$PORT" "$new"
api_quietly wait 20 /v1/gateways/gateway-1 "d['fingerprint'] == '$new'"
client_alive anna client || die "the session did not outlive the reload"

say "rubbish in the file"
echo rubbish >"$STACK/etc/gateway.pem"
lines=$(wc -l <"$STACK/log/gateway.log")
reload gateway
said() { tail -n +$((lines + 1)) "$STACK/log/gateway.log" | grep -q "gateway.pem"; }
until_true 20 "the log names the bad file" said
serves "$PORT" "$new" || die "the bad file was taken"

cp "$STACK/etc/before.conf" "$conf"
reload gateway
until_true 20 "the old certificate is back" serves "$PORT" "$old"
client_alive anna client || die "the session did not outlive the reloads"
log_off anna
