package test.spring;

import java.security.Principal;
import java.util.Map;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.Authentication;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A whole app or API, as the profile of its configuration says. */
@SpringBootApplication
@RestController
public class Program {
    public static void main(String[] args) {
        SpringApplication.run(Program.class, args);
    }

    /** What an app knows of its user. */
    @GetMapping("/me")
    Map<String, Object> me(Authentication who) {
        OidcUser user = (OidcUser) who.getPrincipal();
        return Map.of("subject", user.getSubject(), "email", user.getEmail(), "groups", user.getClaimAsStringList("groups"));
    }

    /** What an API knows of whoever calls it. */
    @GetMapping("/list")
    Map<String, String> list(Principal who) {
        return Map.of("subject", who.getName());
    }

    @GetMapping("/signed-out")
    String signedOut() {
        return "signed out";
    }
}
