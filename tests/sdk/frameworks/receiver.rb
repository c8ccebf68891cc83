# A receiver as apps in Ruby write it, with nothing but the standard library. Prints its port first.
require "base64"
require "json"
require "openssl"
require "webrick"

KEYS = ENV.values_at("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")

def verify(token, body, url)
  head, payload, signature = token.split(".")
  given = Base64.urlsafe_decode64(signature)
  signed = KEYS.any? do |key|
    OpenSSL.secure_compare(OpenSSL::HMAC.digest("SHA256", key, "#{head}.#{payload}"), given)
  end
  raise "Signature verification failed" unless signed
  claims = JSON.parse(Base64.urlsafe_decode64(payload))
  now = Time.now.to_i
  raise "wrong issuer" unless claims["iss"] == "Upstash"
  raise "wrong subject" unless claims["sub"] == url
  raise "token has expired" unless now < claims["exp"] && now >= claims["nbf"]
  hash = Base64.urlsafe_encode64(OpenSSL::Digest::SHA256.digest(body), padding: false)
  raise "body hash does not match" unless claims["body"].delete("=") == hash
end

server = WEBrick::HTTPServer.new(
  BindAddress: "127.0.0.1", Port: 0, AccessLog: [], Logger: WEBrick::Log.new(File::NULL)
)
server.mount_proc("/") do |request, response|
  verify(request["Upstash-Signature"], request.body.to_s, request.request_uri.to_s)
  response.body = "done"
rescue => error
  response.status = 401
  response.body = error.message
end
trap("TERM") { server.shutdown }
puts server.config[:Port]
$stdout.flush
server.start
