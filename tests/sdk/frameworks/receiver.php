<?php
// A receiver as apps in PHP write it, without a package; for `php -S`.

function decoded(string $text): string
{
    return base64_decode(strtr($text, '-_', '+/'));
}

function verify(string $token, string $body, string $url): void
{
    [$head, $payload, $signature] = explode('.', $token);
    $signed = false;
    foreach (['QSTASH_CURRENT_SIGNING_KEY', 'QSTASH_NEXT_SIGNING_KEY'] as $name) {
        $digest = hash_hmac('sha256', "$head.$payload", getenv($name), true);
        $signed = $signed || hash_equals($digest, decoded($signature));
    }
    if (!$signed) {
        throw new Exception('Signature verification failed');
    }
    $claims = json_decode(decoded($payload), true, 512, JSON_THROW_ON_ERROR);
    if ($claims['iss'] !== 'Upstash' || $claims['sub'] !== $url) {
        throw new Exception('Wrong issuer or subject');
    }
    if (time() >= $claims['exp'] || time() < $claims['nbf']) {
        throw new Exception('Token has expired');
    }
    if (!hash_equals(hash('sha256', $body, true), decoded($claims['body']))) {
        throw new Exception('Body hash does not match');
    }
}

try {
    $url = "http://{$_SERVER['HTTP_HOST']}{$_SERVER['REQUEST_URI']}";
    verify($_SERVER['HTTP_UPSTASH_SIGNATURE'], file_get_contents('php://input'), $url);
    echo 'done';
} catch (Exception $error) {
    http_response_code(401);
    echo $error->getMessage();
}
