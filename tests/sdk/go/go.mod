module qstashdev.test

go 1.22.2

require (
	github.com/golang-jwt/jwt v3.2.2+incompatible
	github.com/golang-jwt/jwt/v4 v4.5.2
	github.com/upstash/qstash-go v1.0.0
)

require github.com/golang-jwt/jwt/v5 v5.2.2 // indirect
